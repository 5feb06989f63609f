// Owns where values of JSON end (RFC 8259 §§2, 4 and 5), however much is in them, without making anything of it. Pure.

import { endOfScalar, endOfText, INVALID, type Json } from './json-token.ts'

const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
export const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

export interface Nested extends Json {
  /** How many arrays and objects may be in one another. */
  readonly maxDepth: number
}

/** The index after the value of a member, or INVALID. */
export type EndOfMember = (json: Nested, name: number, value: number, depth: number) => number

const endOfAnyMember: EndOfMember = (json, _name, value, depth) => endOfValue(json, value, depth)

/** The index after the value that begins at `at`; INVALID for none, and for one that goes too deep. `depth`: of what it is in. */
export function endOfValue(json: Nested, at: number, depth: number): number {
  switch (json.bytes[at]) {
    case QUOTE:
      return endOfText(json, at)
    case OPEN_BRACE:
      return endOfObject(json, at, depth, endOfAnyMember)
    case OPEN_BRACKET:
      return endOfArray(json, at, depth)
    default:
      return endOfScalar(json.bytes, at)
  }
}

/** As `endOfValue` for an object, with somebody else to say where the values of its members end. */
export function endOfObject(json: Nested, opening: number, depth: number, endOfMember: EndOfMember): number {
  const { bytes, maxDepth } = json
  if (bytes[opening] !== OPEN_BRACE || depth >= maxDepth) return INVALID
  let at = skipSpace(bytes, opening + 1)
  if (bytes[at] === CLOSE_BRACE) return at + 1
  for (;;) {
    const nameEnd = endOfText(json, at)
    const colon = nameEnd === INVALID ? INVALID : skipSpace(bytes, nameEnd)
    if (bytes[colon] !== COLON) return INVALID
    const end = endOfMember(json, at, skipSpace(bytes, colon + 1), depth + 1)
    if (end === INVALID) return INVALID
    at = skipSpace(bytes, end)
    if (bytes[at] === CLOSE_BRACE) return at + 1
    if (bytes[at] !== COMMA) return INVALID
    at = skipSpace(bytes, at + 1)
  }
}

function endOfArray(json: Nested, opening: number, depth: number): number {
  const { bytes, maxDepth } = json
  if (depth >= maxDepth) return INVALID
  let at = skipSpace(bytes, opening + 1)
  if (bytes[at] === CLOSE_BRACKET) return at + 1
  for (;;) {
    const end = endOfValue(json, at, depth + 1)
    if (end === INVALID) return INVALID
    at = skipSpace(bytes, end)
    if (bytes[at] === CLOSE_BRACKET) return at + 1
    if (bytes[at] !== COMMA) return INVALID
    at = skipSpace(bytes, at + 1)
  }
}

export function skipSpace(bytes: Buffer, from: number): number {
  let at = from
  while (at < bytes.length && isSpace(bytes[at] ?? 0)) at++
  return at
}

function isSpace(byte: number): boolean {
  return byte <= SPACE && (byte === SPACE || byte === LF || byte === CR || byte === TAB)
}
