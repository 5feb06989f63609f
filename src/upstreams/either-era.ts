// Owns the peer of an upstream, whichever era it speaks now: it may change while it is used.

import type { Peer, Visitor } from '../mcp/peer.ts'
import type { Caller } from '../oauth/caller.ts'
import { EraMismatch } from './era-mismatch.ts'
import type { Eras } from './probe.ts'

export interface EitherEraNeeds {
  readonly modern: Peer
  readonly legacy: Peer
  readonly eras: (caller: Caller) => Eras | null | Promise<Eras | null>
  readonly contradict: (caller: Caller) => Promise<Eras | null>
}

/** Modern where the upstream speaks it, as less is kept for that. */
export function createEitherEraPeer(needs: EitherEraNeeds): Peer {
  /** One that does not say is asked in the modern era, so that it is known why it does not. */
  function choose(eras: Eras | null): Peer {
    return eras === null || eras.modern ? needs.modern : needs.legacy
  }

  /** What was refused as of the wrong era was not done, so that it can be said again in the other one. */
  async function speak<T>({ caller }: Visitor, act: (peer: Peer) => Promise<T>): Promise<T> {
    const peer = choose(await needs.eras(caller))
    try {
      return await act(peer)
    } catch (error) {
      if (!(error instanceof EraMismatch)) throw error
      const other = choose(await needs.contradict(caller))
      if (other === peer) throw error
      return await act(other)
    }
  }

  return {
    discover: (visitor, signal) => speak(visitor, (peer) => peer.discover(visitor, signal)),
    request: (visitor, request, hooks) =>
      speak(visitor, (peer) => peer.request(visitor, request, hooks)).catch((error: unknown) => {
        // It speaks this era after all, and this is its answer.
        if (error instanceof EraMismatch && error.error) return { kind: 'error', error: error.error }
        throw error
      }),
    listen: (visitor, filter, hooks) => speak(visitor, (peer) => peer.listen(visitor, filter, hooks)),
  }
}
