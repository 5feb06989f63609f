// Owns what a front is: it serves the clients of one era out of a peer.

import type { Mailbox } from '../../mcp/mailbox.ts'
import type { Peer } from '../../mcp/peer.ts'
import type { Registry } from '../../upstreams/registry.ts'
import type { Call } from '../call.ts'
import type { Outcome } from '../outcome.ts'
import type { Sealer } from '../session.ts'
import type { SessionStore } from './legacy/session-store.ts'
import type { RepliesNeeds } from './replies.ts'

export interface FrontNeeds extends RepliesNeeds {
  /** A bug or an outage, for the log. */
  readonly report: (error: unknown) => void
  readonly sessions: Sealer
  readonly mailbox: Mailbox
  readonly registry: Pick<Registry, 'find'>
  readonly sessionStore: SessionStore
}

export interface Front {
  /** Answers the call. Settles when the client has its answer or is gone; rejects with a Refusal, or for a bug. */
  serve(call: Call, peer: Peer): Promise<Outcome>
  openStreams(): number
  /** Ends what only listens; calls go on. */
  endListening(): void
  /** Breaks off what is left. */
  destroy(): Promise<void>
}
