// Owns the URIs of resources in the aggregate: each says whose it is, and can be turned back byte for byte.

import { writtenNumber } from '../../mcp/exact-json.ts'

/** RFC 3986 §3.1: a scheme may hold plus signs. The name of an upstream has none. */
const SHOWN = /^mcp\+([a-z0-9-]+)\+(.*)$/s
/** Of MCP Apps: hosts look for this scheme, so the upstream goes behind it. */
const APP_SCHEME = 'ui://'
const SHOWN_APP = /^ui:\/\/([a-z0-9-]+)\/(.*)$/s

/** `file:///a` of `notes` is `mcp+notes+file:///a`. For templates too: what is expanded in them stays where it is. */
export function shownUri(upstream: string, uri: string): string {
  return uri.startsWith(APP_SCHEME)
    ? `${APP_SCHEME}${upstream}/${uri.slice(APP_SCHEME.length)}`
    : `mcp+${upstream}+${uri}`
}

export interface ReadUri {
  readonly upstream: string
  readonly uri: string
}

/** Null for one that is of no upstream. */
export function readUri(shown: string): ReadUri | null {
  const [, upstream, uri] = SHOWN.exec(shown) ?? []
  if (upstream !== undefined && uri !== undefined) return { upstream, uri }
  const [, owner, rest] = SHOWN_APP.exec(shown) ?? []
  return owner === undefined || rest === undefined ? null : { upstream: owner, uri: APP_SCHEME + rest }
}

/**
 * The arguments of a tool with the upstream's own URIs: what it was shown as a link comes back to it as it gave it. Texts
 * that are such a URI as a whole, at any depth; nothing else is touched.
 */
export function ownUris(upstream: string, value: unknown): unknown {
  if (typeof value === 'string') {
    const read = value.startsWith(`mcp+${upstream}+`) ? readUri(value) : null
    return read?.uri ?? value
  }
  if (Array.isArray(value)) return value.map((each: unknown) => ownUris(upstream, each))
  if (typeof value !== 'object' || value === null || writtenNumber(value) !== null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, ownUris(upstream, each)]))
}
