// Owns standard output as the place of the log: the lines of one turn of the event loop are written together, and none is lost.

import { destination } from 'pino'

export interface Output {
  write(line: string): void
  /** Writes what is there. */
  flushSync(): void
}

/** Writing is most of what a line costs, and costs the same for many. More than this does not wait for the others. */
const MOST_LENGTH = 64 * 1024

/**
 * Writes at the end of each turn, and when the process exits, whatever the reason; what SIGKILL takes is one turn at most. It
 * waits until the lines are taken, as whoever writes to a pipe does: nothing is gathered for a reader that has stalled.
 */
export function openOutput(): Output {
  const output = destination({ dest: 1, sync: true })
  let lines = ''
  const flushSync = () => {
    const gathered = lines
    lines = ''
    if (gathered !== '') output.write(gathered)
  }
  process.on('exit', flushSync)
  return {
    write(line) {
      if (lines === '') setImmediate(flushSync)
      lines += line
      if (lines.length > MOST_LENGTH) flushSync()
    },
    flushSync,
  }
}
