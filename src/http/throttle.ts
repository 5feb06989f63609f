// Owns how often one address may do a thing that costs us something.

import type { onRequestAsyncHookHandler } from 'fastify'
import { OAuthError } from '../oauth/errors.ts'
import { addressGroup } from './address-group.ts'

/** Counts per key, and forgets after a while; what rate-limiter-flexible calls a penalty. */
export interface Counters {
  penalty(key: string): Promise<{ readonly consumedPoints: number; readonly msBeforeNext: number }>
}

export interface AddressThrottle {
  readonly counters: Counters
  /** How many times one address is let through in the counters' window. */
  readonly limit: number
  readonly description: string
}

/** An onRequest hook that answers 429, with the time to wait, to an address that comes too often. */
export function throttleByAddress({
  counters,
  limit,
  description,
}: AddressThrottle): onRequestAsyncHookHandler {
  return async (request, reply) => {
    const { consumedPoints, msBeforeNext } = await counters.penalty(addressGroup(request.ip))
    if (consumedPoints <= limit) return
    reply.header('retry-after', String(Math.max(1, Math.ceil(msBeforeNext / 1000))))
    throw new OAuthError('temporarily_unavailable', description, { status: 429 })
  }
}
