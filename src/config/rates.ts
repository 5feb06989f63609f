// Owns how rates (`60/m`) and limits that can be lifted (`off`) are written.

import type { Rate } from '../oauth/allowance.ts'
import { integerBetween, parsed } from './values.ts'

const SECONDS = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 60 * 60],
])

export const RATE_EXPECTED = 'a rate such as 10/s, 600/m or 1000/h'
const OFF = 'off'
const MOST = 1_000_000

/** Undefined when the text is not a whole number from 1 to a million, a slash, and one of s, m, h. */
export function parseRate(text: string): Rate | undefined {
  const { number = '', unit = '' } = /^(?<number>\d{1,7})\/(?<unit>[smh])$/i.exec(text)?.groups ?? {}
  const times = integerBetween(number, 1, MOST)
  const seconds = SECONDS.get(unit.toLowerCase())
  return times === undefined || seconds === undefined ? undefined : { times, seconds }
}

/** Null for `off`. */
export function rateOrOff() {
  return parsed((text) => (text === OFF ? null : parseRate(text)), `${RATE_EXPECTED}; or ${OFF}`)
}

/** Null for `off`. */
export function countOrOff() {
  return parsed(
    (text) => (text === OFF ? null : integerBetween(text, 1, MOST)),
    `a whole number from 1 to ${MOST}, or ${OFF}`,
  )
}
