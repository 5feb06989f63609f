// Owns the bridge: the answer to a client of one era out of what a peer, whatever it is, has to say.

import type { Peer } from '../../mcp/peer.ts'
import type { Call } from '../call.ts'
import type { Outcome } from '../outcome.ts'

export interface Bridge {
  /** Answers the call. Settles when the client has its answer or is gone; never rejects with what a client may learn. */
  serve(call: Call, peer: Peer): Promise<Outcome>
  openStreams(): number
  /** Ends what only listens; calls go on. */
  endListening(): void
  /** Breaks off what is left. */
  destroy(): Promise<void>
}

export function createBridge(): Bridge {
  return {
    serve: () => Promise.reject(new Error('The bridge is not there yet.')),
    openStreams: () => 0,
    endListening: () => undefined,
    destroy: async () => undefined,
  }
}
