// Owns what happens when a client answers "more scope is needed" by refreshing, which adds none.

/** A client that refreshes in answer to a challenge does it at once. */
const IN_ANSWER_MS = 3_000

export interface StepUps {
  /** The gateway has just told a client of this grant that it needs more scope. */
  challenged(grantId: string): void
  /** Whether a refresh of this grant is the answer to that. True once per challenge. */
  answers(grantId: string): boolean
}

/**
 * SDK v1 (1.32) answers a 403 `insufficient_scope` with a refresh, repeats the call, and gives up: nobody is ever asked. The
 * one refresh that follows a challenge at once is therefore told `invalid_grant`, whereupon it asks the person. Nothing is
 * spent or revoked, so any other refresh, before or after, works. Known to this replica alone, and a courtesy: elsewhere
 * the client behaves as it would anyway.
 */
export function createStepUps(clock: () => number = Date.now): StepUps {
  const pending = new Map<string, number>()

  return {
    challenged(grantId) {
      for (const [other, until] of pending) if (until <= clock()) pending.delete(other)
      pending.set(grantId, clock() + IN_ANSWER_MS)
    },
    answers(grantId) {
      const until = pending.get(grantId) ?? 0
      pending.delete(grantId)
      return clock() < until
    },
  }
}
