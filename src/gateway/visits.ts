// Owns how many requests are inside, and the wait until the last one has left.

import { setTimeout as delay } from 'node:timers/promises'

export interface Visits {
  enter(): void
  leave(): void
  /** Settles when nobody is inside, or after `graceMs`. */
  over(graceMs: number): Promise<void>
}

export function createVisits(): Visits {
  let inside = 0
  let empty: PromiseWithResolvers<void> | null = null
  return {
    enter() {
      inside++
    },
    leave() {
      inside--
      if (inside === 0) empty?.resolve()
    },
    async over(graceMs) {
      if (inside === 0) return
      empty ??= Promise.withResolvers<void>()
      const stop = new AbortController()
      const patience = delay(graceMs, undefined, { signal: stop.signal }).catch(() => undefined)
      await Promise.race([empty.promise, patience])
      stop.abort()
    },
  }
}
