// Owns where one server-sent event ends and the next may begin: the only places for something of our own.

const LF = 0x0a
const CR = 0x0d

/** The last bytes of a stream, the newest lowest: as many as a blank line can take. */
export type Tail = number

/** Nothing was sent yet, which is as good as a blank line. */
export const STREAM_START: Tail = (LF << 8) | LF

/** The tail after these bytes. */
export function advance(tail: Tail, bytes: Uint8Array): Tail {
  let next = tail
  for (let at = Math.max(0, bytes.length - 4); at < bytes.length; at++) next = (next << 8) | (bytes[at] ?? 0)
  return next
}

/** A blank line ends an event. Lines end with LF, CR or both (HTML, "Parsing an event stream"). */
export function isBoundary(tail: Tail): boolean {
  const last = tail & 0xff
  const second = (tail >> 8) & 0xff
  const third = (tail >> 16) & 0xff
  if (last === LF && second === CR) return third === LF || third === CR
  return last === second && (last === LF || last === CR)
}

const BLANK_LINES = ['\n\n', '\n\r\n', '\r\r'].map((ending) => Buffer.from(ending))
/** So many bytes of a blank line can be in the next chunk. */
const LONGEST_REST = 2

/**
 * How many bytes of an event that is not complete there are after `chunk`, when there were `open` before it. What ends with
 * the chunk, as nearly everything does, costs nothing.
 */
export function openBytes(open: number, tail: Tail, chunk: Buffer): number {
  if (isBoundary(advance(tail, chunk))) return 0
  const ended = Math.max(...BLANK_LINES.map((ending) => endOfLast(chunk, ending)), endAcross(tail, chunk))
  return ended === 0 ? open + chunk.length : chunk.length - ended
}

function endOfLast(chunk: Buffer, ending: Buffer): number {
  const at = chunk.lastIndexOf(ending)
  return at === -1 ? 0 : at + ending.length
}

/** The end of a blank line that began in the chunk before. */
function endAcross(tail: Tail, chunk: Buffer): number {
  for (let length = LONGEST_REST; length > 0; length--) {
    if (isBoundary(advance(tail, chunk.subarray(0, length)))) return length
  }
  return 0
}
