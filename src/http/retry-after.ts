// Owns what an answer says about when to come back (RFC 9110 §10.2.3).

import type { IncomingHttpHeaders } from 'node:http'

/** Who says more is believed this much. */
const MOST_SECONDS = 60 * 60

/** In whole seconds; null where the answer does not say, or says it in a way of its own. */
export function retryAfterOf({ 'retry-after': given }: IncomingHttpHeaders, now = Date.now()): number | null {
  if (given === undefined) return null
  const seconds = /^\d{1,9}$/.test(given) ? Number(given) : Math.ceil((Date.parse(given) - now) / 1000)
  return Number.isNaN(seconds) ? null : Math.min(MOST_SECONDS, Math.max(1, seconds))
}
