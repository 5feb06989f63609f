// Owns writing to a descriptor that may not take everything now: what is left is held, in order, for the next attempt.

import { writeSync } from 'node:fs'

export interface PatientWriter {
  /** Writes what is held, then this, as far as it is taken. False when nothing at all was. */
  write(text: string): boolean
  /** Bytes that are left. */
  held(): number
  /** Whether there is somebody who may take the rest; not where the disk is full, or who read is gone. */
  isAwaited(): boolean
}

/** The descriptor must not wait by itself (O_NONBLOCK), or this does. */
export function createPatientWriter(fd: number): PatientWriter {
  const left: Buffer[] = []
  let held = 0
  let refusal: string | null = null

  const put = (what: string | Buffer): number => {
    try {
      return typeof what === 'string' ? writeSync(fd, what) : writeSync(fd, what)
    } catch (error) {
      refusal = error instanceof Error && 'code' in error ? String(error.code) : ''
      return 0
    }
  }
  const keep = (rest: Buffer) => {
    if (rest.length > 0) left.push(rest)
    held += rest.length
  }
  const putLeft = (): number => {
    let taken = 0
    for (let first = left[0]; first !== undefined; first = left[0]) {
      const bytes = put(first)
      taken += bytes
      held -= bytes
      if (bytes < first.length) left[0] = first.subarray(bytes)
      else left.shift()
      if (bytes === 0) break
    }
    return taken
  }
  return {
    write(text) {
      const before = putLeft()
      if (text === '') return before > 0
      const bytes = held === 0 ? put(text) : 0
      if (bytes < Buffer.byteLength(text)) keep(Buffer.from(text).subarray(bytes))
      return before + bytes > 0
    },
    held: () => held,
    isAwaited: () => refusal === 'EAGAIN',
  }
}
