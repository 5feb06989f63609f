// Owns telling requests that raced for one authorization code from a code that is replayed (RFC 6749 §4.1.2).

import { Provider } from 'oidc-provider'
import type { Artifact } from '../storage/artifacts.ts'

export interface CodeRace {
  /** Notes when each request arrives. Before anything that waits. */
  attach(provider: Provider): void
  /** Seconds since the current request arrived. Ask before looking for the code, so that it is never too long. */
  secondsWaited(): number
  /** Whether a request that had waited this long when it looked was here before the code was spent. */
  isLost(row: Artifact, secondsWaited: number): boolean
}

/**
 * A code that comes back is refused, and what it produced is revoked: whoever sends it may have stolen it. But a client that
 * sends its request twice at the same moment is no thief, and would lose what the winner just got. Nobody can replay a code
 * before it was used, so the loser of a race is refused and no more. Both times are durations: the clocks of the database
 * and of this process need not agree.
 */
export function createCodeRace(now: () => number = () => performance.now()): CodeRace {
  const arrivals = new WeakMap<object, number>()
  return {
    attach(provider) {
      provider.use((ctx, next) => {
        arrivals.set(ctx, now())
        return next()
      })
    },
    secondsWaited() {
      const arrived = Provider.ctx ? arrivals.get(Provider.ctx) : undefined
      return arrived === undefined ? 0 : (now() - arrived) / 1000
    },
    isLost: ({ secondsSinceConsumed }, secondsWaited) =>
      secondsSinceConsumed !== null && secondsSinceConsumed < secondsWaited,
  }
}
