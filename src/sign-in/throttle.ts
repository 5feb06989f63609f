// Owns the throttle: lets an attempt to sign in through, or says how long it has to wait.

import type { RateLimiterAbstract } from 'rate-limiter-flexible'
import {
  type BackoffRule,
  type CapRule,
  THROTTLE_RULES,
  type ThrottleRules,
  waitAfter,
} from './throttle-rules.ts'
import type { OpenCounters } from './throttle-store.ts'

/** Who tries. All three are pseudonyms: a store that leaks names nobody. */
export interface Attempt {
  readonly account: string
  readonly address: string
  /** The known browser of this account it comes from; null otherwise. */
  readonly browser: string | null
}

/** An admitted attempt counts as a failure until one of its functions says otherwise. */
export interface Admitted {
  readonly kind: 'admitted'
  /** The password was right: forget the failures of this pair. */
  succeeded(): Promise<void>
  /** The password was not looked at: the attempt does not count. */
  unjudged(): Promise<void>
}

export type Admission = Admitted | { readonly kind: 'wait'; readonly seconds: number }

export interface Throttle {
  /** Of any number of concurrent attempts, on any number of replicas, only as many as the rules allow are admitted. */
  admit(attempt: Attempt): Promise<Admission>
}

/** One rule and its counters. Times are in milliseconds until the key's next attempt; 0 is now. */
interface Limit {
  closedFor(key: string): Promise<number>
  claim(key: string): Promise<number>
  refund(key: string): Promise<void>
  forget(key: string): Promise<void>
}

interface Turnstile {
  readonly limit: Limit
  readonly key: string
}

export function createThrottle(open: OpenCounters, rules: ThrottleRules = THROTTLE_RULES): Throttle {
  const pair = backoff(open, 'pair', rules.pair)
  const account = backoff(open, 'account', rules.account)
  const address = cap(open('address', rules.address.windowSeconds), rules.address)

  return {
    async admit(attempt) {
      const own = { limit: pair, key: `${attempt.account}.${attempt.browser ?? attempt.address}` }
      // A known browser is not slowed by what others do to its account: a guesser must not be able to lock a person out.
      const shared = attempt.browser === null ? [{ limit: account, key: attempt.account }] : []
      const turnstiles: Turnstile[] = [own, ...shared, { limit: address, key: attempt.address }]
      // A refused attempt costs nothing and changes nothing, so impatience never prolongs the wait.
      const milliseconds = (await longestClosed(turnstiles)) || (await claimAll(turnstiles))
      if (milliseconds > 0) return { kind: 'wait', seconds: Math.ceil(milliseconds / 1000) }
      return {
        kind: 'admitted',
        async succeeded() {
          await own.limit.forget(own.key)
          await refundAll(turnstiles.slice(1))
        },
        unjudged: () => refundAll(turnstiles),
      }
    },
  }
}

async function longestClosed(turnstiles: readonly Turnstile[]): Promise<number> {
  let longest = 0
  for (const { limit, key } of turnstiles) longest = Math.max(longest, await limit.closedFor(key))
  return longest
}

/** 0 when this attempt got through all of them; a concurrent one may have been faster. */
async function claimAll(turnstiles: readonly Turnstile[]): Promise<number> {
  for (const { limit, key } of turnstiles) {
    const milliseconds = await limit.claim(key)
    if (milliseconds > 0) return milliseconds
  }
  return 0
}

async function refundAll(turnstiles: readonly Turnstile[]): Promise<void> {
  for (const { limit, key } of turnstiles) await limit.refund(key)
}

/** Two rows per key: how many attempts there were, and a gate that one attempt closes for the time of its wait. */
function backoff(open: OpenCounters, name: string, rule: BackoffRule): Limit {
  const attempts = open(name, rule.windowSeconds)
  const gate = open(`${name}-gate`, rule.maxWaitSeconds)
  return {
    closedFor: async (key) => remaining(await gate.get(key)),
    async claim(key) {
      const { consumedPoints } = await attempts.penalty(key)
      const wait = waitAfter(rule, consumedPoints)
      if (wait === 0) return 0
      // One statement: whoever makes the row has the turn, and closes the gate behind it.
      const turn = await gate.penalty(key, 1, { customDuration: wait })
      return turn.consumedPoints === 1 ? 0 : Math.max(1, turn.msBeforeNext)
    },
    refund: async (key) => void (await attempts.reward(key)),
    async forget(key) {
      await attempts.delete(key)
      await gate.delete(key)
    },
  }
}

function cap(attempts: RateLimiterAbstract, rule: CapRule): Limit {
  return {
    async closedFor(key) {
      const counted = await attempts.get(key)
      return counted !== null && counted.consumedPoints >= rule.attempts ? remaining(counted) : 0
    },
    async claim(key) {
      const counted = await attempts.penalty(key)
      return counted.consumedPoints <= rule.attempts ? 0 : Math.max(1, counted.msBeforeNext)
    },
    refund: async (key) => void (await attempts.reward(key)),
    forget: async (key) => void (await attempts.delete(key)),
  }
}

function remaining(counted: { readonly msBeforeNext: number } | null): number {
  return counted === null ? 0 : Math.max(0, counted.msBeforeNext)
}
