// Owns how commands read what is typed: durations, numbers, scopes.

import type { Config } from '../config/config.ts'
import { parseDuration } from '../config/durations.ts'
import { parseScope, upstreamOf } from '../oauth/scope.ts'

/** Seconds; null for `never`. */
export function durationOf(text: string): number | null {
  if (text === 'never') return null
  const seconds = parseDuration(text)
  if (seconds === undefined || seconds === 0)
    throw new Error(`--expires is a duration such as 12h, 30d or 2w, or never; not "${text}".`)
  return seconds
}

/** Each may be given on its own, or several at once, separated by spaces. */
export function scopesOf(given: readonly string[], { upstreams }: Config): ReadonlySet<string> {
  const names = upstreams.length === 0 ? ['demo'] : upstreams.map(({ name }) => name)
  const scopes = parseScope(given.join(' '))
  for (const scope of scopes) {
    if (!names.includes(upstreamOf(scope)))
      throw new Error(`The scope ${scope} belongs to no upstream. The upstreams are: ${names.join(', ')}.`)
  }
  return scopes
}

export function required(value: string | undefined, option: string): string {
  if (value === undefined || value.trim() === '') throw new Error(`${option} is missing.`)
  return value
}
