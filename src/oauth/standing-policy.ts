// Owns the policy that is in force: asked for by every call, and replaced as a whole while calls are under way.

import type { Policy } from './policy.ts'

export interface StandingPolicy {
  /** Null: the scopes are all that counts. Asked once for a decision and what follows from it. */
  current(): Policy | null
  /** From now on this one; what has begun goes on under the one before. */
  replace(policy: Policy | null): void
  onReplace(told: () => void): void
}

export function createStandingPolicy(first: Policy | null): StandingPolicy {
  const listeners: (() => void)[] = []
  let policy = first
  return {
    current: () => policy,
    replace(next) {
      policy = next
      for (const told of listeners) told()
    },
    onReplace: (told) => void listeners.push(told),
  }
}
