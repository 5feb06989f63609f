// Owns how often one address may come with tokens that are not accepted, before it is told to wait.

import type { IncomingMessage } from 'node:http'
import { addressGroup } from '../../http/address-group.ts'
import { createMeter } from '../../http/meter.ts'
import type { Rate } from '../../oauth/allowance.ts'
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
    if (excess) return tooOften(excess.retryAfterSeconds)
    meter.enter(key, ONCE, now)
    meter.leave(key, ONCE)
    return refusal
  }
}

/** RFC 6585 §4. */
function tooOften(seconds: number): Refusal {
  return rpcRefusal({
    status: 429,
    reason: 'rate',
    code: 429,
    message: 'Too many tokens from your address were not accepted lately. Try again later.',
    headers: ['retry-after', String(seconds)],
  })
}
