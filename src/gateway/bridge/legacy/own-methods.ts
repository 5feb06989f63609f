// Owns the requests of a legacy client that are answered here, because the modern era has none like them.

import { isLogLevel } from '../../../mcp/log-level.ts'
import { INVALID_PARAMS, METHOD_NOT_FOUND, type Members, type RpcError } from '../../../mcp/rpc.ts'
import { TASK_METHOD } from '../../../mcp/tasks.ts'
import type { LegacySession, Offers } from './handle.ts'
import type { SessionChange, SessionState } from './session-store.ts'

export type OwnAnswer =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'change'; readonly change: SessionChange }
  | { readonly kind: 'error'; readonly error: RpcError }

/** Each is a request to the upstream, each time that the client listens. */
const MAX_URI_LENGTH = 4096
/** Of the modern era: a client that sends them in a session has mistaken the server. */
const MODERN_METHODS: ReadonlySet<string> = new Set(['server/discover', 'subscriptions/listen', 'initialize'])

/** Null for what the peer answers. */
export function answerOwn(
  method: string,
  params: Members,
  { offers }: Pick<LegacySession, 'offers'>,
): OwnAnswer | null {
  switch (method) {
    case 'ping':
      return { kind: 'nothing' }
    case 'logging/setLevel':
      return offers.logging ? setLevel(params) : notFound(method)
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return offers.subscribe ? subscribe(method, params) : notFound(method)
    default:
      return MODERN_METHODS.has(method) || method.startsWith(TASK_METHOD) ? notFound(method) : null
  }
}

/** The level for a client that has not said one, which is the server's to choose (MCP 2025-11-25, Logging). */
const DEFAULT_LEVEL = 'info'

export function logLevelOf(offers: Offers, { logLevel }: SessionState): string | null {
  return offers.logging ? (logLevel ?? DEFAULT_LEVEL) : null
}

function setLevel({ level }: Members): OwnAnswer {
  if (isLogLevel(level)) return { kind: 'change', change: { kind: 'level', level } }
  return { kind: 'error', error: { code: INVALID_PARAMS, message: 'There is no such log level.' } }
}

function subscribe(method: string, { uri }: Members): OwnAnswer {
  if (typeof uri !== 'string' || uri === '' || uri.length > MAX_URI_LENGTH) {
    return { kind: 'error', error: { code: INVALID_PARAMS, message: 'The uri is not a short text.' } }
  }
  const kind = method === 'resources/subscribe' ? 'subscribe' : 'unsubscribe'
  return { kind: 'change', change: { kind, uri } }
}

function notFound(method: string): OwnAnswer {
  return { kind: 'error', error: { code: METHOD_NOT_FOUND, message: `Method not found: ${method}` } }
}
