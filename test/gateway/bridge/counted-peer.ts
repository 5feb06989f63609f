// Owns the counting of what is open at a peer, and of what was asked of it.

import type { Peer, PeerHooks } from '../../../src/mcp/peer.ts'
import type { Links } from '../../../src/upstreams/links.ts'
import { openLinks } from '../../support/links.ts'
import type { Teardown } from '../stage.ts'

export interface Counts {
  /** Requests and subscriptions that are open now. */
  open(): number
  /** Subscriptions that were acknowledged so far. */
  acknowledged(): number
  /** What was asked so far. */
  readonly methods: readonly string[]
}

/** The real links to the upstreams, which are counted. */
export function countedLinks(t: Teardown): { readonly links: Links; readonly counts: Counts } {
  const links = openLinks(t)
  const { count, counts } = createCounts()
  return { links: { ...links, peerOf: (upstream) => count(links.peerOf(upstream)) }, counts }
}

export function createCounts(): { readonly count: (peer: Peer) => Peer; readonly counts: Counts } {
  let open = 0
  let acknowledged = 0
  const methods: string[] = []

  async function counting<Answer>(method: string, asked: () => Promise<Answer>): Promise<Answer> {
    methods.push(method)
    open++
    try {
      return await asked()
    } finally {
      open--
    }
  }

  const count = (peer: Peer): Peer => ({
    discover: (visitor, signal) => counting('server/discover', () => peer.discover(visitor, signal)),
    request: (visitor, request, hooks) =>
      counting(request.method, () => peer.request(visitor, request, hooks)),
    listen: (visitor, filter, hooks) => {
      const notify: PeerHooks['notify'] = (notification) => {
        if (notification.method === 'notifications/subscriptions/acknowledged') acknowledged++
        hooks.notify(notification)
      }
      return counting('subscriptions/listen', () => peer.listen(visitor, filter, { ...hooks, notify }))
    },
  })
  return { count, counts: { open: () => open, acknowledged: () => acknowledged, methods } }
}
