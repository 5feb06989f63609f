// Owns the peer that everybody shares: who asks makes no difference to it, so one session serves all.

import type { Peer } from '../mcp/peer.ts'
import { SERVICE_VISITOR } from './service-visitor.ts'

/**
 * It is told of nobody's capabilities, so it asks nobody anything: an answer could not be told from another person's. Log
 * messages, which belong to a session, are nobody's either.
 */
export function sharedPeer(peer: Peer): Peer {
  return {
    discover: (_, signal) => peer.discover(SERVICE_VISITOR, signal),
    request: (_, request, hooks) => peer.request(SERVICE_VISITOR, request, hooks),
    listen: (_, filter, hooks) => peer.listen(SERVICE_VISITOR, filter, hooks),
  }
}
