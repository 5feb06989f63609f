// Owns a look at JSON before and beside parsing: how deep it goes, and how many members it names.

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/** A message and its params. A batch puts one array around them. */
const MESSAGE_LEVELS = 2

export interface Members {
  /** Names written in the messages and in the objects inside of them, repetitions included. */
  readonly total: number
}

/**
 * One pass over bytes that need not be valid JSON. Null when they nest deeper than `maxDepth`. `JSON.parse` keeps the last
 * of two members with one name and says nothing, so the names are counted here where they can still be seen: down to
 * `counted` levels, by default those of the messages and of what is directly in them.
 */
export function countMembers(bytes: Uint8Array, maxDepth: number, counted = MESSAGE_LEVELS): Members | null {
  const levels = startsWithBracket(bytes) ? counted + 1 : counted
  let depth = 0
  let total = 0
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfText(bytes, at)
        break
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (++depth > maxDepth) return null
        break
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth--
        break
      case COLON:
        if (depth <= levels) total++
    }
  }
  return { total }
}

/** The index of the closing quote. */
function endOfText(bytes: Uint8Array, opening: number): number {
  let at = opening + 1
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  return at
}

function startsWithBracket(bytes: Uint8Array): boolean {
  const first = bytes.find((byte) => byte > 0x20)
  return first === OPEN_BRACKET
}
