// Owns the call: what the steps of the gateway have learned about one request, for those that act on it.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RpcId } from '../mcp/rpc.ts'
import type { Caller } from '../oauth/caller.ts'
import type { Place, UpstreamPlace } from '../upstreams/registry.ts'
import type { RpcMessage } from './message.ts'
import type { RewriteResult } from './rewrite.ts'
import type { Session } from './session.ts'

export type CallMethod = 'POST' | 'GET' | 'DELETE'

export interface Call {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** The headers of every answer, as flat pairs: the standing ones and those of CORS. */
  readonly cors: readonly string[]
  readonly place: Place
  readonly caller: Caller
  readonly method: CallMethod
  readonly modern: boolean
  /** What was posted, byte for byte; null for GET and DELETE. */
  readonly body: Buffer | null
  readonly messages: readonly RpcMessage[]
  /** The requests that an answer has to name. */
  readonly ids: readonly RpcId[]
  readonly session: Session | null
  /** Of an answer that may not pass as it is. */
  readonly rewrite?: RewriteResult | null
  /** In a JSON answer that says it is longer there is nothing to rewrite. */
  readonly rewriteUpTo?: number
  /** Gets the whole of a successful answer in JSON, as the client got it. */
  readonly keep?: ((body: Buffer) => void) | null
  /** Gets each piece of an event stream, before the client does. */
  readonly watch?: ((chunk: Buffer) => void) | null
}

/** One whose bytes pass to a single upstream. */
export interface UpstreamCall extends Call {
  readonly place: UpstreamPlace
  /** It is the second try, with a credential that was renewed. */
  readonly renewed?: boolean
  /** It is another try, with the nonce that the upstream wants. */
  readonly withNonce?: boolean
}

const LISTEN = 'subscriptions/listen'

/** An open end: it waits for whatever happens, and nothing that was asked for is lost when it closes. */
export function isListening({ method, messages }: Call): boolean {
  return method === 'GET' || messages[0]?.method === LISTEN
}

/** A notification, a posted response and the end of a session are answered by a status alone. */
export function expectsContent({ method, ids }: Call): boolean {
  return method === 'GET' || ids.length > 0
}

export function isProbe({ messages }: Call): boolean {
  return messages[0]?.method === 'server/discover'
}
