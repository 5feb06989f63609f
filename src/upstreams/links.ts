// Owns the ways to the upstreams: which era each speaks, and a peer for those that need more than forwarding.

import type { Era } from '../mcp/era.ts'
import type { Peer } from '../mcp/peer.ts'
import type { Caller } from '../oauth/caller.ts'
import type { Upstream } from './registry.ts'

export interface Links {
  /**
   * Whether the bytes of a request of this era can pass untouched. Asked of the upstream itself where it is not known yet, on
   * behalf of this caller; true when it does not tell, so that the client gets the upstream's own answer.
   */
  passes(upstream: Upstream, era: Era, caller: Caller): boolean | Promise<boolean>
  peerOf(upstream: Upstream): Peer
  /** Ends the sessions and processes that are open. */
  close(): Promise<void>
}

export function createLinks(): Links {
  return {
    passes: ({ kind }) => kind === 'http',
    peerOf({ name }) {
      throw new Error(`There is no peer for upstream "${name}".`)
    },
    close: async () => undefined,
  }
}
