// Owns the envelope: what each request of the modern era says about itself, and has to (MCP 2026-07-28, basic/index.mdx, "_meta").

import type { IncomingHttpHeaders } from 'node:http'
import { MODERN_REVISIONS } from '../../../mcp/era.ts'
import { isLogLevel } from '../../../mcp/log-level.ts'
import { CLIENT_CAPABILITIES, CLIENT_INFO, ENVELOPE, LOG_LEVEL, PROTOCOL_VERSION } from '../../../mcp/meta.ts'
import { NAME_SOURCES } from '../../../mcp/mirrored.ts'
import type { PeerRequest, Visitor } from '../../../mcp/peer.ts'
import {
  HEADER_MISMATCH,
  INVALID_PARAMS,
  isRecord,
  type Members,
  type RpcId,
  UNSUPPORTED_VERSION,
} from '../../../mcp/rpc.ts'
import { wantsFresh } from '../../cache/question.ts'
import type { Call } from '../../call.ts'
import type { RpcMessage } from '../../message.ts'
import { Refusal, rpcRefusal } from '../../refusal.ts'
import { traceIn } from '../trace.ts'

export interface Asked {
  readonly id: RpcId
  readonly visitor: Visitor
  readonly request: PeerRequest
}

const REVISIONS: readonly string[] = MODERN_REVISIONS

/** The request and who makes it. Throws a refusal (400) for an envelope that is not whole. */
export function readEnvelope({ req, caller }: Call, message: RpcMessage, id: RpcId): Asked {
  const method = message.method ?? ''
  const meta = isRecord(message.params._meta) ? message.params._meta : {}
  requireVersion(req.headers, meta, id)
  requireHeaders(req.headers, method, id)
  const capabilities = meta[CLIENT_CAPABILITIES]
  if (!isRecord(capabilities)) throw invalid(`_meta has no ${CLIENT_CAPABILITIES}.`, id)
  const clientInfo = meta[CLIENT_INFO]
  return {
    id,
    visitor: {
      caller,
      clientInfo: isRecord(clientInfo) ? clientInfo : null,
      capabilities,
      logLevel: logLevelIn(meta, id),
      trace: traceIn(req.headers),
      wantsFresh: wantsFresh(req.headers),
    },
    request: { method, ...partsOf(message.params, meta, id) },
  }
}

/** What both say was compared before; here it has to be there and be spoken. */
function requireVersion(headers: IncomingHttpHeaders, meta: Members, id: RpcId): void {
  const version = meta[PROTOCOL_VERSION]
  const header = headers['mcp-protocol-version']
  if (typeof header === 'string' && !REVISIONS.includes(header)) throw unsupported(header, id)
  if (typeof version !== 'string') throw invalid(`_meta has no ${PROTOCOL_VERSION}.`, id)
  if (!REVISIONS.includes(version)) throw unsupported(version, id)
}

function requireHeaders(headers: IncomingHttpHeaders, method: string, id: RpcId): void {
  // "Standard Request Headers", and SEP-2663, "Routing Headers": what has to be mirrored beside the method.
  const needed = NAME_SOURCES.has(method) ? ['Mcp-Method', 'Mcp-Name'] : ['Mcp-Method']
  const missing = needed.find((name) => headers[name.toLowerCase()] === undefined)
  if (missing === undefined) return
  const message = `Header mismatch: ${missing} is missing.`
  throw rpcRefusal({ status: 400, reason: 'headers', code: HEADER_MISMATCH, message, ids: [id] })
}

function logLevelIn(meta: Members, id: RpcId): string | null {
  const level = meta[LOG_LEVEL]
  if (level === undefined) return null
  if (isLogLevel(level)) return level
  throw invalid(`_meta has a ${LOG_LEVEL} that is none.`, id)
}

function partsOf(params: Members, meta: Members, id: RpcId): Omit<PeerRequest, 'method'> {
  const { _meta, inputResponses = null, requestState = null, ...rest } = params
  if (inputResponses !== null && !isRecord(inputResponses)) throw invalid('inputResponses is no object.', id)
  if (requestState !== null && typeof requestState !== 'string') throw invalid('requestState is no text.', id)
  const kept = Object.entries(meta).filter(([key]) => !ENVELOPE.has(key))
  const withMeta = kept.length === 0 ? rest : { ...rest, _meta: Object.fromEntries(kept) }
  return { params: withMeta, inputResponses, requestState }
}

function invalid(message: string, id: RpcId): Refusal {
  return rpcRefusal({ status: 400, reason: 'malformed', code: INVALID_PARAMS, message, ids: [id] })
}

/** basic/versioning.mdx, "Protocol Version Negotiation". */
function unsupported(requested: string, id: RpcId): Refusal {
  const data = { supported: MODERN_REVISIONS, requested }
  const error = { code: UNSUPPORTED_VERSION, message: 'Unsupported protocol version', data }
  const body = JSON.stringify({ jsonrpc: '2.0', id, error })
  return new Refusal({ status: 400, reason: 'malformed', body })
}
