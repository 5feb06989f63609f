// Owns secrets that people copy and paste: a prefix to recognise them by, and a checksum that finds a typing mistake.
import { randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 238 bits. */
const RANDOM_CHARACTERS = 40
const CHECKSUM_CHARACTERS = 6
const BODY = new RegExp(`^[0-9A-Za-z]{${RANDOM_CHARACTERS + CHECKSUM_CHARACTERS}}$`)

/** `<prefix>_`, 40 random characters, and the CRC-32 of them in six: the form that scanners for leaked secrets look for. */
export function newSecret(prefix: string): string {
  const random = Array.from({ length: RANDOM_CHARACTERS }, () => ALPHABET[randomInt(ALPHABET.length)]).join(
    '',
  )
  return `${prefix}_${random}${checksum(random)}`
}

/** Whether it can be one at all: what was cut short or made up is found out without asking the database. */
export function isSecret(prefix: string, text: string): boolean {
  if (!text.startsWith(`${prefix}_`)) return false
  const body = text.slice(prefix.length + 1)
  return BODY.test(body) && checksum(body.slice(0, RANDOM_CHARACTERS)) === body.slice(RANDOM_CHARACTERS)
}

/** Enough to tell one from another, and far too little to guess the rest. */
export function hintOf(prefix: string, secret: string): string {
  return secret.slice(0, prefix.length + 5)
}

function checksum(text: string): string {
  let rest = crc32(text)
  let written = ''
  for (let place = 0; place < CHECKSUM_CHARACTERS; place++) {
    written = ALPHABET.charAt(rest % ALPHABET.length) + written
    rest = Math.floor(rest / ALPHABET.length)
  }
  return written
}
