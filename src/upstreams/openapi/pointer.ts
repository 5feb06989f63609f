// Owns references inside a document: JSON Pointers in fragments (RFC 6901 §6), which lead nowhere else.

import { isRecord, type Members } from '../../mcp/rpc.ts'

/** A reference to a reference to a reference … */
const MAX_STEPS = 32

/** What a local reference leads to; undefined when it leads nowhere or elsewhere. */
export function lookUp(document: Members, reference: string): unknown {
  if (reference === '#') return document
  if (!reference.startsWith('#/')) return undefined
  return reference
    .slice(2)
    .split('/')
    .reduce<unknown>((place, token) => memberOf(place, unescaped(token)), document)
}

/** The object itself, or what it refers to; null when that is not an object. */
export function resolved(document: Members, value: unknown): Members | null {
  let place = value
  for (let step = 0; step < MAX_STEPS && isRecord(place); step++) {
    if (typeof place.$ref !== 'string') return place
    place = lookUp(document, place.$ref)
  }
  return null
}

function memberOf(place: unknown, name: string): unknown {
  if (Array.isArray(place)) return /^\d{1,6}$/.test(name) ? place[Number(name)] : undefined
  return isRecord(place) && Object.hasOwn(place, name) ? place[name] : undefined
}

function unescaped(token: string): string {
  return decoded(token).replaceAll('~1', '/').replaceAll('~0', '~')
}

function decoded(token: string): string {
  try {
    return decodeURIComponent(token)
  } catch {
    return token
  }
}
