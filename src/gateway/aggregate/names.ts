// Owns the names of tools and prompts in the aggregate: each upstream's in a space of its own, within what clients take.

import { createHash } from 'node:crypto'

/**
 * APIs of models take names of 64 characters, and clients put the name of the server in front: 16 characters for
 * `mcp__gatehouse__`.
 */
export const NAME_LENGTH = 48

/** What has no upstream in front. An upstream cannot take these names, whatever it is called. */
export const OWN_TOOLS = ['list_upstreams', 'upstream_status', 'whoami'] as const
export type OwnTool = (typeof OWN_TOOLS)[number]

const PLAIN = /^[A-Za-z0-9_-]+$/
const NOT_PLAIN = /[^A-Za-z0-9_-]+/g
const HASH_LENGTH = 10
/** No plain name ends like this one, so neither is taken for the other. */
const SHORTENED = new RegExp(`--[0-9a-f]{${HASH_LENGTH}}$`)

/**
 * `<upstream>_<name>`; the name of an upstream has no underscore, so the first one tells them apart. What is too long, has
 * other characters or looks like one of these is cut and gets a hash of the whole name: the same at all times, on every
 * replica, whatever else the upstream has.
 */
export function shownName(upstream: string, name: string): string {
  const whole = `${upstream}_${name}`
  return isPlain(whole) ? whole : `${abridged(whole)}--${hashOf(name)}`
}

export interface ReadName {
  readonly upstream: string
  /** Null for a shortened one: only the upstream's list knows it. */
  readonly name: string | null
}

/** Null for a name that nothing can have. */
export function readName(shown: string): ReadName | null {
  const end = shown.indexOf('_')
  if (end < 1) return null
  const upstream = shown.slice(0, end)
  if (SHORTENED.test(shown)) return { upstream, name: null }
  return isPlain(shown) ? { upstream, name: shown.slice(end + 1) } : null
}

export function isOwnTool(name: unknown): name is OwnTool {
  return OWN_TOOLS.some((own) => own === name)
}

function isPlain(whole: string): boolean {
  return whole.length <= NAME_LENGTH && PLAIN.test(whole) && !SHORTENED.test(whole) && !isOwnTool(whole)
}

function abridged(whole: string): string {
  return whole.replace(NOT_PLAIN, '_').slice(0, NAME_LENGTH - HASH_LENGTH - 2)
}

function hashOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH)
}
