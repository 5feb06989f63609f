// Owns where the smallest parts of JSON end (RFC 8259 §§3, 6 and 7): texts, numbers and words. Pure.

const SPACE = 0x20
const QUOTE = 0x22
const BACKSLASH = 0x5c
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const LOWER_E = 0x65
const LOWER_U = 0x75
const UNICODE_DIGITS = 4
const WORD_BYTES = 4

const SIGNS: ReadonlySet<number | undefined> = new Set(Buffer.from('+-'))
/** By byte: 1 for what may follow a backslash by itself. */
const ESCAPED = new Uint8Array(256)
for (const byte of Buffer.from('"\\/bfnrt')) ESCAPED[byte] = 1
const HEXADECIMAL: ReadonlySet<number | undefined> = new Set(Buffer.from('0123456789abcdefABCDEF'))
const WORDS = [Buffer.from('true'), Buffer.from('false'), Buffer.from('null')]

/** What should be here is not. */
export const INVALID = -1

/** Bytes that are UTF-8, which was seen to before. */
export interface Json {
  readonly bytes: Buffer
  /** The same, but for up to three at either end: a long text is gone through four bytes at a time. */
  readonly words: Int32Array
  /** The index of the byte that the words begin with. */
  readonly wordsAt: number
}

export function toScan(bytes: Buffer): Json {
  const wordsAt = -bytes.byteOffset & (WORD_BYTES - 1)
  const count = Math.max(0, bytes.length - wordsAt) >> 2
  const words = new Int32Array(bytes.buffer, count === 0 ? 0 : bytes.byteOffset + wordsAt, count)
  return { bytes, words, wordsAt }
}

/** The index after the text whose quote is at `opening`; INVALID when there is none, or it is not well-formed. */
export function endOfText(json: Json, opening: number): number {
  const { bytes } = json
  if (bytes[opening] !== QUOTE) return INVALID
  let at = plainUntil(json, opening + 1)
  while (bytes[at] === BACKSLASH) {
    at = endOfEscape(bytes, at)
    if (at === INVALID) return INVALID
    at = plainUntil(json, at)
  }
  return bytes[at] === QUOTE ? at + 1 : INVALID
}

/** The index of the first byte that does not stand for itself; that of the end when there is none. */
function plainUntil({ bytes, words, wordsAt }: Json, from: number): number {
  let at = from
  while (((at - wordsAt) & (WORD_BYTES - 1)) !== 0) {
    if (at >= bytes.length || !isPlain(bytes[at] ?? 0)) return at
    at++
  }
  let word = (at - wordsAt) >> 2
  while (word < words.length && isPlainWord(words[word] ?? 0)) word++
  at = wordsAt + word * WORD_BYTES
  while (at < bytes.length && isPlain(bytes[at] ?? 0)) at++
  return at
}

/** RFC 8259 §7: control characters have to be escaped. */
function isPlain(byte: number): boolean {
  return byte >= SPACE && byte !== QUOTE && byte !== BACKSLASH
}

/**
 * The same of four bytes at once ("Bit Twiddling Hacks", "Determine if a word has a byte less than n"). Flipping one bit puts
 * the quote right above the control characters, and leaves these among themselves.
 */
function isPlainWord(word: number): boolean {
  const flipped = word ^ 0x02020202
  const backslash = word ^ 0x5c5c5c5c
  const below = (flipped - 0x21212121) & ~flipped
  const zero = (backslash - 0x01010101) & ~backslash
  return ((below | zero) & 0x80808080) === 0
}

function endOfEscape(bytes: Buffer, backslash: number): number {
  const kind = bytes[backslash + 1] ?? 0
  if (ESCAPED[kind] === 1) return backslash + 2
  if (kind !== LOWER_U) return INVALID
  const end = backslash + 2 + UNICODE_DIGITS
  for (let at = backslash + 2; at < end; at++) if (!HEXADECIMAL.has(bytes[at])) return INVALID
  return end
}

/** The index after the number or the word that begins at `at`; INVALID when neither does. */
export function endOfScalar(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0
  if (first <= NINE) return endOfNumber(bytes, at)
  for (const word of WORDS) if (word[0] === first) return endOfWord(bytes, at, word)
  return INVALID
}

function endOfWord(bytes: Buffer, start: number, word: Buffer): number {
  for (let at = 1; at < word.length; at++) if (bytes[start + at] !== word[at]) return INVALID
  return start + word.length
}

function endOfNumber(bytes: Buffer, start: number): number {
  const first = bytes[start] === MINUS ? start + 1 : start
  let end = bytes[first] === ZERO ? first + 1 : endOfDigits(bytes, first)
  if (end === INVALID || end >= bytes.length) return end
  if (bytes[end] === POINT) end = endOfDigits(bytes, end + 1)
  if (end === INVALID || end >= bytes.length || ((bytes[end] ?? 0) | SPACE) !== LOWER_E) return end
  return endOfDigits(bytes, SIGNS.has(bytes[end + 1]) ? end + 2 : end + 1)
}

/** At least one. */
function endOfDigits(bytes: Buffer, start: number): number {
  let at = start
  while (at < bytes.length && isDigit(bytes[at] ?? 0)) at++
  return at === start ? INVALID : at
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE
}
