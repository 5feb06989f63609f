// Owns what happens when a client answers "more scope is needed" by refreshing, which adds none.

import { LRUCache } from 'lru-cache'

/** A client that refreshes in answer to a challenge does it at once. */
const IN_ANSWER_MS = 3_000
/** Until the person's browser is there. */
const STARTS_OVER_MS = 5 * 60_000
const MOST_STARTING_OVER = 10_000

export interface SteppedUp {
  readonly jti: string
  readonly accountId?: string | undefined
  readonly clientId?: string | undefined
}

export interface StepUps {
  /** The gateway has just told a client of this grant that it needs more scope. */
  challenged(grantId: string): void
  /** Whether a refresh of this grant is the answer to that. True once per challenge. */
  answers(grant: SteppedUp): boolean
  /** Whether a client of this person was just made to ask for more. True once. */
  startsOver(accountId: string, clientId: string): boolean
}

/**
 * SDK v1 (1.32) answers a 403 `insufficient_scope` with a refresh, repeats the call, and gives up: nobody is ever asked. The
 * one refresh that follows a challenge at once is therefore told `invalid_grant`, whereupon it asks the person. Nothing is
 * spent or revoked, so any other refresh, before or after, works. Known to this replica alone, and a courtesy: elsewhere
 * the client behaves as it would anyway.
 */
export function createStepUps(clock: () => number = Date.now): StepUps {
  const pending = new Map<string, number>()
  const startingOver = new LRUCache<string, true>({ max: MOST_STARTING_OVER, ttl: STARTS_OVER_MS })

  return {
    challenged(grantId) {
      for (const [other, until] of pending) if (until <= clock()) pending.delete(other)
      pending.set(grantId, clock() + IN_ANSWER_MS)
    },
    answers({ jti, accountId, clientId }) {
      const until = pending.get(jti) ?? 0
      pending.delete(jti)
      if (clock() >= until) return false
      startingOver.set(`${accountId} ${clientId}`, true)
      return true
    },
    // Some (MCP Inspector 2.12) have forgotten by then which scope they lack: a remembered consent to what they ask for once more
    // would lead them round in a circle, and nobody would ever be asked.
    startsOver(accountId, clientId) {
      const key = `${accountId} ${clientId}`
      return startingOver.has(key) && startingOver.delete(key)
    },
  }
}
