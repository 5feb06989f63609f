// Owns the channel: how the messages of one legacy session travel, whatever carries them.

import type { PeerFailure } from '../../mcp/peer.ts'
import type { Members, RpcId } from '../../mcp/rpc.ts'
import type { Credential } from '../credentials.ts'
import type { Upstream } from '../registry.ts'

/** Everything that a channel needs to reach the upstream for one person and client. */
export interface Opening {
  readonly upstream: Upstream
  /**
   * What to present now. Asked for each request where requests present something, because it may change while the session
   * lasts; once where only the beginning does (the environment of a process). Rejects when there is nothing to present.
   */
  readonly credential: () => Promise<Credential>
  readonly events: ChannelEvents
  /** Of the opening alone. Aborted: whatever was begun is closed, and the promise rejects with the signal's reason. */
  readonly signal: AbortSignal
}

/**
 * A way to open a channel. Rejects with a `PeerFailure`, and then nothing is left open. It speaks no MCP itself: `initialize`
 * and everything after it is sent by the session.
 */
export type OpenChannel = (opening: Opening) => Promise<Channel>

/** What a channel tells. No call comes before `OpenChannel` has resolved, none after `close` was called, and none throws. */
export interface ChannelEvents {
  /**
   * One JSON-RPC message, whole, a JSON object, not yet looked at; a batch (2025-03-26) comes as its elements. In the order of
   * the upstream. `during` is the id of the request on whose stream it came, null where that cannot be told.
   */
  readonly message: (message: Members, during: RpcId | null) => void
  /** The answer to this request will not come any more, though it was sent: its stream broke and could not be resumed. */
  readonly broken: (request: RpcId, failure: PeerFailure) => void
  /** Nothing comes any more, and nothing can be sent: the channel closed by itself. At most once. */
  readonly closed: (failure: PeerFailure) => void
  /** An answer reads as if the upstream did not know the session: nothing new should be begun in it. */
  readonly doubted?: () => void
  /** What belongs to no request is not heard any more, though `hear` said that it is; it can be asked for again. */
  readonly deaf?: (failure: PeerFailure) => void
}

/**
 * Bounded: a message that is too large, or text that is not JSON-RPC, is a failure of that request (`broken`) or of the whole
 * channel (`closed`), never more memory. What is received is handed on at once and not kept.
 */
export interface Channel {
  /**
   * Resolves when the upstream has taken the message; the answer to a request comes through `events.message`. Messages that
   * are sent one after the other without waiting arrive in any order. Rejects with `SessionLost` when the upstream refused it
   * because it does not know the session; with a `PeerFailure` when it was refused or it is not known what became of it.
   * `trace` are headers for this message, where the transport has any.
   */
  send(message: Members, trace?: Readonly<Record<string, string>>): Promise<void>
  /** The revision that `initialize` came to; each message from now on says so where the transport has a place for it. */
  speak(version: string): void
  /**
   * Hears also what belongs to no request. Resolves when nothing is missed from now on: true, or false where the upstream has
   * no such stream. Where everything comes the same way there is nothing to do. Asking twice changes nothing.
   */
  hear(): Promise<boolean>
  /** The answer to this request is of no use any more: what only carries that is given up. Says nothing to the upstream. */
  forget(request: RpcId): void
  /** Ends the session at the upstream where that can be said, and everything that is open here. Never rejects; twice is once. */
  close(): Promise<void>
}

/** The upstream does not know this session (any more). */
export class SessionLost extends Error {
  /** It has not looked at what was sent, so that this can be sent again in another session. Only a 404 says that. */
  readonly unread: boolean

  constructor(unread: boolean, options?: ErrorOptions) {
    super('The upstream does not know the session.', options)
    this.name = 'SessionLost'
    this.unread = unread
  }
}
