// Owns how a peer ends whose upstream is not configured any more: what listens ends, calls finish, and then it is closed.

import type { Peer, PeerHooks, SubscriptionFilter, Visitor } from '../mcp/peer.ts'

export interface Retiring {
  readonly peer: Peer
  retire(): void
}

/** `close` is called once it is retired and nothing is under way; whatever still comes then finds it closed. */
export function createRetiring(peer: Peer, close: () => void): Retiring {
  const endings = new Set<() => void>()
  let running = 0
  let retired = false

  async function counting<T>(act: () => Promise<T>): Promise<T> {
    running++
    try {
      return await act()
    } finally {
      running--
      closeWhenIdle()
    }
  }

  function closeWhenIdle(): void {
    if (retired && running === 0) close()
  }

  /** To its client it looks as if the peer had ended it on purpose: the client comes back, and finds what is there now. */
  async function listen(visitor: Visitor, filter: SubscriptionFilter, hooks: PeerHooks): Promise<void> {
    const leaving = new AbortController()
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    endings.add(end)
    const signal = AbortSignal.any([hooks.signal, leaving.signal])
    try {
      await Promise.race([peer.listen(visitor, filter, { ...hooks, signal }), ended])
    } finally {
      endings.delete(end)
      leaving.abort()
    }
  }

  return {
    peer: {
      discover: (visitor, signal) => counting(() => peer.discover(visitor, signal)),
      request: (visitor, request, hooks) => counting(() => peer.request(visitor, request, hooks)),
      listen: (visitor, filter, hooks) => counting(() => listen(visitor, filter, hooks)),
    },
    retire() {
      retired = true
      for (const end of endings) end()
      closeWhenIdle()
    },
  }
}
