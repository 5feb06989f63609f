// Owns headers that were sent twice: Node keeps the first of some and joins others, and an upstream may do otherwise.

import type { IncomingMessage } from 'node:http'
import { Refusal } from './refusal.ts'

/** Two of these leave it open which one was meant, so nothing is done at all. */
const SINGLE: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'content-type',
  'content-encoding',
  'content-length',
  'transfer-encoding',
  'origin',
  'mcp-session-id',
  'last-event-id',
])

const NONE: ReadonlySet<string> = new Set()

/** The names, in lower case, of headers that appear more than once. */
export function repeatedHeaders(req: IncomingMessage): ReadonlySet<string> {
  // Each name is in `headers` once: as many names as lines means that none is repeated, which is nearly always so.
  if (countNames(req.headers) * 2 === req.rawHeaders.length) return NONE
  const seen = new Set<string>()
  const repeated = new Set<string>()
  for (let at = 0; at < req.rawHeaders.length; at += 2) {
    const name = req.rawHeaders[at]?.toLowerCase() ?? ''
    if (seen.has(name)) repeated.add(name)
    seen.add(name)
  }
  return repeated
}

/** Throws a refusal (400) when one is among them that decides who calls what. */
export function refuseRepeated(repeated: ReadonlySet<string>): void {
  if (SINGLE.isDisjointFrom(repeated)) return
  throw new Refusal({
    status: 400,
    reason: 'headers',
    body: JSON.stringify({ error: 'invalid_request', error_description: 'A header was sent more than once' }),
  })
}

function countNames(headers: object): number {
  let count = 0
  for (const _name in headers) count++
  return count
}
