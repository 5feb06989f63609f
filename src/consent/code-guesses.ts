// Owns how many wrong device codes may be typed, by one address and by everybody together (RFC 8628 §5.1).

import { addressGroup } from '../http/address-group.ts'
import type { Counters } from '../http/throttle.ts'

/** Counters that can also take a count back. */
export interface GuessCounters extends Counters {
  reward(key: string): Promise<unknown>
}

export const GUESS_WINDOW_SECONDS = 10 * 60

/**
 * Of 20^8 codes, 2^34.6, everybody together tries at most 2^10 while one is good: a code that waits is found with a chance
 * of 2^-24, and one of ten codes that wait with less than 2^-21.
 */
export const GUESSES = { address: 20, everybody: 1000 } as const

export type Guess =
  | { readonly kind: 'admitted' /** The code was right, so it was no guess. */; right(): Promise<void> }
  | { readonly kind: 'wait'; readonly seconds: number }

export interface CodeGuesses {
  /** Of any number of concurrent guesses only as many are admitted as the limits allow. */
  admit(ip: string): Promise<Guess>
}

const EVERYBODY = 'everybody'

/** `counters` forget after GUESS_WINDOW_SECONDS. */
export function createCodeGuesses(
  counters: GuessCounters,
  limits: { readonly address: number; readonly everybody: number } = GUESSES,
): CodeGuesses {
  return {
    async admit(ip) {
      const address = addressGroup(ip)
      const own = await counters.penalty(address)
      // Who is over their own limit does not use up what everybody has.
      if (own.consumedPoints > limits.address) return wait(own.msBeforeNext)
      const all = await counters.penalty(EVERYBODY)
      if (all.consumedPoints > limits.everybody) return wait(all.msBeforeNext)
      return {
        kind: 'admitted',
        async right() {
          await counters.reward(address)
          await counters.reward(EVERYBODY)
        },
      }
    },
  }
}

function wait(milliseconds: number): Guess {
  return { kind: 'wait', seconds: Math.max(1, Math.ceil(milliseconds / 1000)) }
}
