// Owns noticing that files changed: by looking at them, which every file system and every way of replacing a file allows.

import { stat } from 'node:fs/promises'

export interface WatchedFilesNeeds {
  /** Absolute. */
  readonly files: () => readonly string[]
  /** Some of them are others than they were, and nobody is writing any more. Also called once at the start. */
  readonly changed: () => void
  /** What `changed` threw. */
  readonly onError: (error: unknown) => void
  readonly everyMs?: number
}

export interface WatchedFiles {
  stop(): Promise<void>
}

/** A look costs some microseconds, and nobody who saves a file waits for much less. */
const EVERY_MS = 1_000

/**
 * Editors write in place, or into a new file that takes the name; Docker and Kubernetes swap a link in the path. After any of
 * them the path leads to something else (`stat` follows links). Two looks that see the same make sure that it is whole.
 */
export function watchFiles({ files, changed, onError, everyMs = EVERY_MS }: WatchedFilesNeeds): WatchedFiles {
  let settled: string | null = null
  let before: string | null = null
  let stopped = false
  let looking = Promise.resolve()
  let timer = setTimeout(lookAgain, everyMs).unref()

  /** Counted from the end of the last look: behind one that took long, the next would see the same moment twice. */
  function lookAgain(): void {
    looking = look()
      .catch(onError)
      .finally(() => {
        if (!stopped) timer = setTimeout(lookAgain, everyMs).unref()
      })
  }

  async function look(): Promise<void> {
    const seen = (await Promise.all(files().map(lookAt))).join('\n')
    if (!stopped && seen === before && seen !== settled) {
      settled = seen
      changed()
    }
    before = seen
  }

  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await looking
    },
  }
}

/** Differs when the content may. A file that is not there, or may not be read, looks like one too. */
async function lookAt(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true })
    return [file, dev, ino, size, mtimeNs, ctimeNs].join(' ')
  } catch (error) {
    return `${file} ${error instanceof Error && 'code' in error ? String(error.code) : 'unknown'}`
  }
}
