// Owns the peer: an MCP server in the model of the modern protocol, whatever era or transport it speaks itself.

import type { Caller } from '../oauth/caller.ts'
import type { Members, RpcError, RpcNotification } from './rpc.ts'

/** On whose behalf a request is made, and what their client can do. */
export interface Visitor {
  readonly caller: Caller
  /** `clientInfo`, when the client said so. */
  readonly clientInfo: Members | null
  /** `clientCapabilities`. */
  readonly capabilities: Members
  /** Log messages from this level on are wanted; none without it. */
  readonly logLevel: string | null
  /** W3C trace context of the request, by header name. */
  readonly trace: Readonly<Record<string, string>>
  /** Nothing from memory: the peer itself is to answer. */
  readonly wantsFresh?: boolean
}

export interface PeerRequest {
  readonly method: string
  /** Without the envelope (see meta.ts), `inputResponses` and `requestState`; `_meta.progressToken` and foreign keys stay. */
  readonly params: Members
  /** Of a retry: the answers to what the peer asked for (MCP 2026-07-28, basic/patterns/mrtr.mdx). */
  readonly inputResponses: Members | null
  /** Of a retry: exactly what the peer gave. */
  readonly requestState: string | null
}

/** What a server of this era can do, and what it is (MCP 2026-07-28, server/discover.mdx). */
export const DISCOVER: PeerRequest = {
  method: 'server/discover',
  params: {},
  inputResponses: null,
  requestState: null,
}

export interface PeerHooks {
  /** Aborted when the client cancels or leaves: the peer is told, and the answer is of no use any more. */
  readonly signal: AbortSignal
  /** Progress, log messages and, while listening, whatever was subscribed to. In order; nothing after the answer. */
  readonly notify: (notification: RpcNotification) => void
}

/**
 * `result.resultType` is always there: `complete`, `input_required` or that of an extension. `unasked`: it says nothing about
 * whether the upstream is there, which was not asked.
 */
export type PeerAnswer =
  | { readonly kind: 'result'; readonly result: Members; readonly unasked?: true }
  | { readonly kind: 'error'; readonly error: RpcError; readonly unasked?: true }

/** `subscriptions/listen`, `params.notifications`. */
export interface SubscriptionFilter {
  readonly toolsListChanged?: boolean
  readonly promptsListChanged?: boolean
  readonly resourcesListChanged?: boolean
  readonly resourceSubscriptions?: readonly string[]
  readonly taskIds?: readonly string[]
}

/** MCP 2026-07-28, server/utilities/caching.mdx. */
export interface Freshness {
  readonly ttlMs: number
  readonly cacheScope: 'public' | 'private'
}

export interface Discovery {
  readonly capabilities: Members
  readonly serverInfo: Members | null
  readonly instructions: string | null
  /** Of an upstream that the visitor has to log in at before it says more. */
  readonly needsLogin?: true
  /** How long this is good for, where the peer says so. */
  readonly freshness?: Freshness
}

/** Every method rejects with a `PeerFailure` when there is no answer to pass on. */
export interface Peer {
  discover(visitor: Visitor, signal: AbortSignal): Promise<Discovery>
  request(visitor: Visitor, request: PeerRequest, hooks: PeerHooks): Promise<PeerAnswer>
  /**
   * Tells first, by `notifications/subscriptions/acknowledged`, which part of the filter is honoured. The notifications
   * carry no subscription id; who serves the client adds it. Resolves when the peer ends it on purpose.
   */
  listen(visitor: Visitor, filter: SubscriptionFilter, hooks: PeerHooks): Promise<void>
}

/** Why a peer has no answer. */
export type PeerFailureReason =
  | 'unreachable'
  | 'timed_out'
  /** It refused what we present to it. */
  | 'credentials'
  /** It answered with something that is not MCP. */
  | 'answer'
  /** Too much is open there already. */
  | 'busy'
  /** It was called too often. */
  | 'limited'
  /** It failed too often lately, and is left alone for a moment. */
  | 'down'
  /** What the client wants to continue is gone: it has to call again. */
  | 'lost'

export interface PeerFailureOptions extends ErrorOptions {
  /** When it is worth calling again, where that is known. */
  readonly retryAfterSeconds?: number | null
  /** What the credentials lack, where they lack scope alone. */
  readonly wantsScope?: string | null
  /** More than the reason says, for clients: no address, no path, and nothing that the upstream said. */
  readonly description?: string
}

export class PeerFailure extends Error {
  readonly reason: PeerFailureReason
  readonly retryAfterSeconds: number | null
  readonly wantsScope: string | null
  readonly description: string | null

  constructor(reason: PeerFailureReason, options: PeerFailureOptions = {}) {
    super(`The upstream has no answer: ${reason}.`, options)
    this.name = 'PeerFailure'
    this.reason = reason
    this.retryAfterSeconds = options.retryAfterSeconds ?? null
    this.wantsScope = options.wantsScope ?? null
    this.description = options.description ?? null
  }
}
