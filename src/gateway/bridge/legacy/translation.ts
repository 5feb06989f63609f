// Owns the translation of requests, answers and notifications between the eras: pure.

import { ENVELOPE, SERVER_INFO, SUBSCRIPTION_ID } from '../../../mcp/meta.ts'
import type { PeerAnswer, PeerRequest } from '../../../mcp/peer.ts'
import {
  HEADER_MISMATCH,
  INTERNAL_ERROR,
  INVALID_PARAMS,
  INVALID_REQUEST,
  isRecord,
  LEGACY_RESOURCE_NOT_FOUND,
  type Members,
  MISSING_CLIENT_CAPABILITY,
  type RpcError,
  type RpcId,
  type RpcNotification,
  UNSUPPORTED_VERSION,
} from '../../../mcp/rpc.ts'
import { withObjectSchemas, withStructuredObject } from './structured.ts'

/** `task` is left out: who has not declared tasks processes the request as if it were not there (MCP 2025-11-25, Tasks). */
const NOT_PASSED: ReadonlySet<string> = new Set(['_meta', 'task', 'inputResponses', 'requestState'])
/** Of the modern era alone (MCP 2026-07-28, basic/index.mdx, "Responses", and server/utilities/caching.mdx). */
const MODERN_MEMBERS: ReadonlySet<string> = new Set(['resultType', 'ttlMs', 'cacheScope', '_meta'])
/** What comes on the stream of a request; everything else belongs to who listens. */
const OF_A_REQUEST: ReadonlySet<string> = new Set(['notifications/progress', 'notifications/message'])

export function toPeer(method: string, params: Members): PeerRequest {
  const kept = without(params, NOT_PASSED)
  return { method, params: withMeta(kept, params._meta, ENVELOPE), inputResponses: null, requestState: null }
}

/** The response to the client's request, whatever the peer said of it. */
export function responseTo(id: RpcId, request: PeerRequest, answer: PeerAnswer): Members {
  if (answer.kind === 'error') return errorResponse(id, legacyError(answer.error, request))
  const { resultType } = answer.result
  if (resultType !== undefined && resultType !== 'complete') {
    const message = 'The upstream server answered in a way that this protocol version cannot express.'
    return errorResponse(id, { code: INTERNAL_ERROR, message })
  }
  return { jsonrpc: '2.0', id, result: legacyResult(answer.result, request) }
}

export function errorResponse(id: RpcId, error: RpcError): Members {
  return { jsonrpc: '2.0', id, error }
}

/** Null for what has no place on the stream of a request. */
export function progressOrLog({ method, params }: RpcNotification): Members | null {
  return OF_A_REQUEST.has(method) ? notificationMessage({ method, params }) : null
}

export function notificationMessage({ method, params }: RpcNotification): Members {
  const tags = new Set([SUBSCRIPTION_ID, SERVER_INFO])
  return { jsonrpc: '2.0', method, params: withMeta(without(params, new Set(['_meta'])), params._meta, tags) }
}

function legacyResult(result: Members, { method }: PeerRequest): Members {
  const known = withMeta(without(result, MODERN_MEMBERS), result._meta, new Set([SERVER_INFO]))
  if (method === 'tools/list') return withObjectSchemas(known)
  return method === 'tools/call' ? withStructuredObject(known) : known
}

/** The nearest that the client's revision has; the text says the rest. */
function legacyError(error: RpcError, { method, params }: PeerRequest): RpcError {
  switch (error.code) {
    // Our own header was wrong: nothing that the client could do better.
    case HEADER_MISMATCH:
      return { ...error, code: INTERNAL_ERROR }
    case MISSING_CLIENT_CAPABILITY:
      return { ...error, code: INVALID_REQUEST }
    // MCP 2025-11-25, Lifecycle, "Error Handling".
    case UNSUPPORTED_VERSION:
      return { ...error, code: INVALID_PARAMS }
    // MCP 2025-11-25, Resources, "Error Handling": one code for both in the modern era.
    case INVALID_PARAMS:
      if (method === 'resources/read' && typeof params.uri === 'string')
        return { ...error, code: LEGACY_RESOURCE_NOT_FOUND }
      return error
    default:
      return error
  }
}

function without(members: Members, names: ReadonlySet<string>): Members {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !names.has(name)))
}

function withMeta(members: Members, meta: unknown, except: ReadonlySet<string>): Members {
  if (!isRecord(meta)) return members
  const kept = without(meta, except)
  return Object.keys(kept).length === 0 ? members : { ...members, _meta: kept }
}
