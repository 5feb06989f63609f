// Owns how often one address may fail to prove something, before it is told to wait.

import type { onRequestAsyncHookHandler } from 'fastify'
import type { Rate } from '../oauth/allowance.ts'
import { OAuthError } from '../oauth/errors.ts'
import { addressGroup } from './address-group.ts'
import { createMeter } from './meter.ts'

export interface FailedAttempts {
  /** An onRequest hook that answers 429, with the time to wait. It counts nothing: who succeeds uses nothing up. */
  readonly refuse: onRequestAsyncHookHandler
  failed(address: string): void
}

export interface FailedAttemptsNeeds {
  /** Null: as often as it likes. */
  readonly rate: Rate | null
  /** Milliseconds. */
  readonly clock: () => number
}

const ONCE = { listening: false, messages: 1, urgent: false }
const DESCRIPTION = 'Too many requests from your address failed lately. Try again later.'

/** In memory: what succeeds must cost no statement. So each process has its own count. */
export function createFailedAttempts({ rate, clock }: FailedAttemptsNeeds): FailedAttempts {
  const meter = createMeter({ rate, calls: null, streams: null })
  return {
    async refuse(request, reply) {
      // A preflight proves nothing, and a browser shows its page no answer without it.
      if (meter === null || request.method === 'OPTIONS') return
      const excess = meter.excess(addressGroup(request.ip), ONCE, clock())
      if (excess === null) return
      reply.header('retry-after', String(excess.retryAfterSeconds)).header('access-control-allow-origin', '*')
      throw new OAuthError('temporarily_unavailable', DESCRIPTION, { status: 429 })
    },
    failed(address) {
      const key = addressGroup(address)
      const now = clock()
      // Those that were let in together: more than nothing is never owed.
      if (meter === null || meter.excess(key, ONCE, now) !== null) return
      meter.enter(key, ONCE, now)
      meter.leave(key, ONCE)
    },
  }
}
