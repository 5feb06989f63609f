// Owns the gathering of a body out of the pieces in which it comes.

export interface Gathering {
  /** Takes the piece over: its memory may be given back. */
  add(chunk: Buffer): void
  size(): number
  whole(): Buffer
}

/** How much will come is believed when so large a part of it is here. */
const BELIEVED_FROM = 1 / 4

/** `announced`: bytes, of which there will not be more; 0 when it is not known. */
export function createGathering(announced: number): Gathering {
  let chunks: Buffer[] = []
  let size = 0
  let room: Buffer | null = null

  function makeRoom(): Buffer {
    const made = Buffer.allocUnsafeSlow(announced)
    let at = 0
    for (const chunk of chunks) at += move(chunk, made, at)
    chunks = []
    return made
  }

  return {
    add(chunk) {
      size += chunk.length
      if (room === null) chunks.push(chunk)
      else move(chunk, room, size - chunk.length)
      if (room === null && size < announced && size >= announced * BELIEVED_FROM) room = makeRoom()
    },
    size: () => size,
    whole() {
      // Never more than has come: the rest of the room holds what was there before.
      if (room !== null) return room.subarray(0, size)
      const [only] = chunks
      return only && chunks.length === 1 ? only : Buffer.concat(chunks, size)
    },
  }
}

/**
 * Gives the memory back at once. Left to be collected, some sixty megabytes of pieces are so much to V8 that it goes through all
 * that the process has, which takes longer than passing a body of ten.
 */
function move(chunk: Buffer, to: Buffer, at: number): number {
  const { length, buffer } = chunk
  chunk.copy(to, at)
  // Several may share one.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0)
  return length
}
