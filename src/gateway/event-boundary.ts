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
