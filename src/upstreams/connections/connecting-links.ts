// Owns that every peer of an upstream with a login asks for it, whichever way a call takes.

import type { Peer } from '../../mcp/peer.ts'
import type { Links } from '../links.ts'
import type { Upstream } from '../registry.ts'
import { wantsLogin } from './binding.ts'
import { type ConnectingPeerNeeds, connectingPeer } from './connecting-peer.ts'

/** The same links, whose peers ask for the login where there is one. */
export function connectingLinks(links: Links, needs: ConnectingPeerNeeds): Links {
  const peers = new WeakMap<Upstream, Peer>()

  function peerOf(upstream: Upstream): Peer {
    if (!wantsLogin(upstream)) return links.peerOf(upstream)
    const known = peers.get(upstream)
    if (known) return known
    const peer = connectingPeer(links.peerOf(upstream), upstream, needs)
    peers.set(upstream, peer)
    return peer
  }

  return { ...links, peerOf }
}
