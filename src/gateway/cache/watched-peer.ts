// Owns noticing what a peer says has changed, so that nothing older is given from memory.

import type { Peer, PeerHooks } from '../../mcp/peer.ts'
import { topicsOf } from './changes.ts'
import type { Topic } from './question.ts'

export function watchedPeer(peer: Peer, onChange: (topic: Topic) => void): Peer {
  const watching = (hooks: PeerHooks): PeerHooks => ({
    signal: hooks.signal,
    notify(notification) {
      // Before the client hears of it, and asks again.
      for (const topic of topicsOf(notification.method)) onChange(topic)
      hooks.notify(notification)
    },
  })
  return {
    discover: (visitor, signal) => peer.discover(visitor, signal),
    request: (visitor, request, hooks) => peer.request(visitor, request, watching(hooks)),
    listen: (visitor, filter, hooks) => peer.listen(visitor, filter, watching(hooks)),
  }
}
