// Owns the lines of a stream of bytes, none of them longer than may be.
import type { AnswerShare } from '../../http/answer-budget.ts'

export interface LineLimits {
  readonly maxBytes: number
  /** `cut`: the rest of a line that is too long is left out. */
  readonly whenTooLong: 'cut' | 'fail'
  /** Holds each line for as long as it is here. Released by whoever knows that no more of it comes. */
  readonly share?: AnswerShare | undefined
}

export type ReadChunk = (chunk: Buffer) => void

const NEWLINE = 0x0a

/**
 * Feeds lines without their end to `onLine`; an end that was never written leaves its line unsaid. With `fail`, `onTooLong` is
 * called once and nothing after it.
 */
export function createLineReader(
  { maxBytes, whenTooLong, share }: LineLimits,
  onLine: (line: string) => void,
  onTooLong: () => void = () => undefined,
): ReadChunk {
  let parts: Buffer[] = []
  let size = 0
  let failed = false

  function keep(part: Buffer): void {
    const room = maxBytes - size
    if (part.length > room && whenTooLong === 'fail') {
      failed = true
      parts = []
      share?.release()
      onTooLong()
    } else if (room > 0) {
      parts.push(part.subarray(0, room))
      size += Math.min(part.length, room)
      share?.add(Math.min(part.length, room))
    }
  }

  function finish(): void {
    const line = Buffer.concat(parts).toString('utf8')
    parts = []
    size = 0
    onLine(line.endsWith('\r') ? line.slice(0, -1) : line)
    share?.release()
  }

  return (chunk) => {
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at !== -1 && !failed; at = chunk.indexOf(NEWLINE, from)) {
      keep(chunk.subarray(from, at))
      if (!failed) finish()
      from = at + 1
    }
    if (!failed && from < chunk.length) keep(Buffer.from(chunk.subarray(from)))
  }
}
