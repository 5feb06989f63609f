// Owns the outline of a large message: the same message without what is large in its params, and where that is. Pure.

import { endOfObject, endOfValue, type Nested, OPEN_BRACE, skipSpace } from './json-scan.ts'
import { endOfText, INVALID, toScan } from './json-token.ts'

export interface Outline {
  /** JSON with the same members in the message and in the objects directly in it; a large value in one of these is a zero. */
  readonly bytes: Buffer
  readonly cuts: readonly Cut[]
}

/** A member of an object that is a member of the message. */
export interface Cut {
  readonly owner: string
  readonly name: string
  /** Its value as it was written. */
  readonly value: Buffer
}

/** What is smaller is read with the rest. */
const LARGE_BYTES = 1024
const ROOT = 0
const ZERO = Buffer.from('0')

/**
 * Null for what is no object, or not JSON, or goes too deep: whoever reads it whole finds out which. Otherwise all of it is JSON
 * (RFC 8259), what was cut included. The bytes are UTF-8, which was seen to before.
 */
export function outlineOf(bytes: Buffer, maxDepth: number): Outline | null {
  const json = { ...toScan(bytes), maxDepth }
  const cuts: Cut[] = []
  const parts: Buffer[] = []
  let kept = 0
  const end = endOfObject(json, skipSpace(bytes, 0), ROOT, (_json, at, from, depth) => {
    if (bytes[from] !== OPEN_BRACE) return endOfValue(json, from, depth)
    const owner = textAt(json, at)
    return endOfObject(json, from, depth, (_same, name, start, inside) => {
      const valueEnd = endOfValue(json, start, inside)
      if (valueEnd - start < LARGE_BYTES) return valueEnd
      cuts.push({
        owner,
        name: textAt(json, name),
        value: bytes.subarray(start, valueEnd),
      })
      parts.push(bytes.subarray(kept, start), ZERO)
      kept = valueEnd
      return valueEnd
    })
  })
  if (end === INVALID || skipSpace(bytes, end) < bytes.length) return null
  return { bytes: Buffer.concat([...parts, bytes.subarray(kept)]), cuts }
}

function textAt(json: Nested, at: number): string {
  return String(JSON.parse(json.bytes.toString('utf8', at, endOfText(json, at))))
}
