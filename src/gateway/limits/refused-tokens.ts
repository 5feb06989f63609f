// Owns how often one address may come with tokens that are not accepted, before it is told to wait.

import type { IncomingMessage } from 'node:http'
import { addressGroup } from '../../http/address-group.ts'
import { createMeter } from '../../http/meter.ts'
import type { Rate } from '../../oauth/allowance.ts'
import { substituteStatus } from '../answer.ts'
import { type Refusal, rpcRefusal } from '../refusal.ts'

export interface RefusedTokensNeeds {
  /** Null: as often as it likes. */
  readonly rate: Rate | null
  /** Milliseconds. */
  readonly clock: () => number
}

const ONCE = { listening: false, messages: 1, urgent: false }

/**
 * The refusal itself, or another one instead of it. A good token is never asked where it comes from: many share an address.
 * Without any token a client only asks where to get one.
 */
export function createRefusedTokens({ rate, clock }: RefusedTokensNeeds) {
  const meter = createMeter({ rate, calls: null, streams: null })
  return (refusal: Refusal, req: IncomingMessage, address: string): Refusal => {
    if (meter === null || refusal.status !== 401 || req.headers.authorization === undefined) return refusal
    const key = addressGroup(address)
    const now = clock()
    const excess = meter.excess(key, ONCE, now)
    if (excess) return tooOften(excess.retryAfterSeconds, req)
    meter.enter(key, ONCE, now)
    meter.leave(key, ONCE)
    return refusal
  }
}

/** RFC 6585 §4. Nothing of the request was read but its head, and a probe says there what it is. */
function tooOften(seconds: number, { headers }: IncomingMessage): Refusal {
  return rpcRefusal({
    status: substituteStatus(429, headers['mcp-method'] === 'server/discover'),
    reason: 'rate',
    code: 429,
    message: 'Too many tokens from your address were not accepted lately. Try again later.',
    headers: ['retry-after', String(seconds)],
  })
}
