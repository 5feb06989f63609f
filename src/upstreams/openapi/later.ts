// Owns the peer of an HTTP API until its part of the program is loaded: most installations have none, and need not keep it.

import type { Peer } from '../../mcp/peer.ts'
import type { OpenApiPeerNeeds } from './peer.ts'

export interface LaterPeer {
  readonly peer: Peer
  close(): Promise<void>
}

export function openApiPeerLater(needs: OpenApiPeerNeeds): LaterPeer {
  const opening = import('./peer.ts').then(({ createOpenApiPeer }) => createOpenApiPeer(needs))
  return {
    peer: {
      discover: async (...asked) => (await opening).discover(...asked),
      request: async (...asked) => (await opening).request(...asked),
      listen: async (...asked) => (await opening).listen(...asked),
    },
    close: async () => (await opening).close(),
  }
}
