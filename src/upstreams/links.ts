// Owns the ways to the upstreams: which era each speaks, and a peer for those that need more than forwarding.

import { createConnections } from '../http/connections.ts'
import type { Era } from '../mcp/era.ts'
import type { Peer, Visitor } from '../mcp/peer.ts'
import type { Caller } from '../oauth/caller.ts'
import type { CredentialFor } from './credentials.ts'
import { createEitherEraPeer } from './either-era.ts'
import { createKnownEras, type EraTimes } from './known-eras.ts'
import { headersFor } from './legacy/http-headers.ts'
import { createModernPeer } from './modern/peer.ts'
import { type Eras, probeEras } from './probe.ts'
import type { HttpUpstream, Upstream } from './registry.ts'

export interface LinksNeeds {
  readonly credentialFor: CredentialFor
  /** Milliseconds. */
  readonly clock?: () => number
  readonly times?: Partial<EraTimes>
}

export interface Links {
  /**
   * Whether the bytes of a request of this era can pass untouched. Asked of the upstream itself where it is not known yet, on
   * behalf of this caller; true when it does not tell, so that the client gets the upstream's own answer.
   */
  passes(upstream: Upstream, era: Era, caller: Caller): boolean | Promise<boolean>
  /** An answer to this caller looked like one of the other era: the upstream is asked again, if it was not just now. */
  contradict(upstream: Upstream, caller: Caller): void
  peerOf(upstream: Upstream): Peer
  /** Ends the sessions and processes that are open. */
  close(): Promise<void>
}

export function createLinks({ credentialFor, clock = Date.now, times }: LinksNeeds): Links {
  const connections = createConnections()
  const known = createKnownEras({ probe, clock, ...(times && { times }) })
  const peers = new WeakMap<Upstream, Peer>()

  async function probe(upstream: HttpUpstream, caller: Caller): Promise<Eras | null> {
    try {
      const headers = headersFor(upstream.headers, await credentialFor(caller, upstream), {})
      return await probeEras({ connections, url: upstream.url, headers, visitor: probing(caller) })
    } catch {
      // There is nothing to present for this caller: then the upstream says nothing either.
      return null
    }
  }

  function peerOf(upstream: Upstream): Peer {
    const peer = peers.get(upstream) ?? createPeer(upstream)
    peers.set(upstream, peer)
    return peer
  }

  function createPeer(upstream: Upstream): Peer {
    if (upstream.kind !== 'http') return noPeer(upstream)
    return createEitherEraPeer({
      modern: createModernPeer({ upstream, connections, credentialFor, clock }),
      legacy: noPeer(upstream),
      eras: (caller) => known.of(upstream, caller),
      contradict: (caller) => known.contradict(upstream, caller),
    })
  }

  return {
    passes(upstream, era, caller) {
      if (upstream.kind !== 'http') return false
      const eras = known.of(upstream, caller)
      return eras instanceof Promise ? eras.then((told) => speaks(told, era)) : speaks(eras, era)
    },
    contradict(upstream, caller) {
      if (upstream.kind === 'http') void known.contradict(upstream, caller)
    },
    peerOf,
    close: () => connections.close(),
  }
}

function speaks(eras: Eras | null, era: Era): boolean {
  return eras === null || eras[era]
}

function probing(caller: Caller): Visitor {
  return { caller, clientInfo: null, capabilities: {}, logLevel: null, trace: {} }
}

function noPeer({ name }: Upstream): Peer {
  const fail = () => Promise.reject(new Error(`There is no peer for upstream "${name}".`))
  return { discover: fail, request: fail, listen: fail }
}
