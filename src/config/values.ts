// Owns the kinds of values a variable may hold, as zod types whose error message is the sentence "expected …".

import { isIP } from 'node:net'
import * as z from 'zod'
import { parseDuration, parseSize } from './durations.ts'

/** A text that `read` turns into a value. Undefined from it means: not as expected. */
export function parsed<T>(read: (text: string) => T | undefined, expected: string) {
  return z
    .string()
    .trim()
    .transform((text, context): T => {
      const value = read(text)
      if (value !== undefined) return value
      context.issues.push({ code: 'custom', message: expected, input: text })
      return z.NEVER
    })
}

/** Comma separated; surrounding space does not count, an empty element is a mistake. */
export function listOf<T>(read: (element: string) => T | undefined, expected: string) {
  return parsed((text): readonly T[] | undefined => {
    const values: T[] = []
    for (const element of text.split(',')) {
      const value = read(element.trim())
      if (value === undefined) return undefined
      values.push(value)
    }
    return values
  }, expected)
}

export function integer(least: number, most: number) {
  return parsed((text) => integerBetween(text, least, most), `a whole number from ${least} to ${most}`)
}

const PORT_RANGE = { least: 1, most: 65_535 }

export function port() {
  return integer(PORT_RANGE.least, PORT_RANGE.most)
}

/** A port, or `off`, which is null. */
export function portOrOff() {
  return parsed(
    (text) => (text === 'off' ? null : integerBetween(text, PORT_RANGE.least, PORT_RANGE.most)),
    `a whole number from ${PORT_RANGE.least} to ${PORT_RANGE.most}, or off`,
  )
}

export function integerBetween(text: string, least: number, most: number): number | undefined {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  return number >= least && number <= most ? number : undefined
}

/** Seconds. The bounds are written the way an operator writes them. */
export function duration(least: string, most: string) {
  const seconds = between(parseDuration, least, most)
  return parsed(seconds, `a duration from ${least} to ${most}: a whole number followed by s, m, h, d or w`)
}

/** Seconds, or `off`, which is null. */
export function durationOrOff(least: string, most: string) {
  const seconds = between(parseDuration, least, most)
  return parsed(
    (text) => (text === 'off' ? null : seconds(text)),
    `a duration from ${least} to ${most}: a whole number followed by s, m, h, d or w; or off`,
  )
}

/** Bytes. */
export function size(least: string, most: string) {
  const bytes = between(parseSize, least, most)
  return parsed(bytes, `a size from ${least} to ${most}: a whole number followed by b, kb, mb or gb`)
}

/** Bytes, or `off`, which is zero. */
export function sizeOrOff(least: string, most: string) {
  const bytes = between(parseSize, least, most)
  return parsed(
    (text) => (text === 'off' ? 0 : bytes(text)),
    `a size from ${least} to ${most}: a whole number followed by b, kb, mb or gb; or off`,
  )
}

function between(read: (text: string) => number | undefined, least: string, most: string) {
  const [low = 0, high = 0] = [read(least), read(most)]
  return (text: string): number | undefined => {
    const value = read(text)
    return value !== undefined && value >= low && value <= high ? value : undefined
  }
}

/** A URL with one of these schemes, kept as it was written. */
export function urlOf(schemes: readonly string[], expected: string) {
  return parsed((text) => (hasScheme(text, schemes) ? text : undefined), expected)
}

function hasScheme(text: string, schemes: readonly string[]): boolean {
  const url = /^[a-z]+:\/\//i.test(text) ? URL.parse(text) : null
  return url !== null && schemes.includes(url.protocol)
}

/** A name or an address to listen on; the brackets of an IPv6 address may be written or left out. */
export function listenHost() {
  return parsed((text) => {
    const host = text.replace(/^\[(.+)\]$/, '$1')
    return isIP(host) !== 0 || isHostName(host) ? host : undefined
  }, 'an address or a host name to listen on, without scheme and port')
}

/** All digits and dots would be a mistyped address, not a name. */
function isHostName(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9.-]{0,252})$/i.test(text) && !/^[\d.]+$/.test(text)
}

export function flag() {
  return z.stringbool({
    truthy: ['true', 'on', 'yes', '1'],
    falsy: ['false', 'off', 'no', '0'],
    error: 'true or false',
  })
}

export function oneOf<const T extends readonly string[]>(words: T) {
  const error = `one of ${words.join(', ')}`
  return z.string().trim().toLowerCase().pipe(z.enum(words, { error }))
}
