// Owns a modern request as it is sent: the envelope in it and, where there are headers, those that mirror it.

import { MODERN_REVISIONS } from '../../mcp/era.ts'
import { CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL, PROTOCOL_VERSION } from '../../mcp/meta.ts'
import { encodeMirrored, NAME_SOURCES } from '../../mcp/mirrored.ts'
import type { PeerRequest, Visitor } from '../../mcp/peer.ts'
import { isRecord, type Members, type RpcId } from '../../mcp/rpc.ts'

const [VERSION] = MODERN_REVISIONS
/** For a client that did not say who it is. */
const GATEHOUSE: Members = { name: 'gatehouse', version: '1' }

/** JSON-RPC, with the visitor's envelope and without anything else of the client's. */
export function bodyOf(id: RpcId, visitor: Visitor, request: PeerRequest): string {
  return JSON.stringify(messageOf(id, visitor, request))
}

export function messageOf(id: RpcId, visitor: Visitor, request: PeerRequest): Members {
  const { method, params, inputResponses, requestState } = request
  const retry = {
    ...(inputResponses !== null && { inputResponses }),
    ...(requestState !== null && { requestState }),
  }
  const _meta = { ...(isRecord(params._meta) && params._meta), ...envelope(visitor) }
  return { jsonrpc: '2.0', id, method, params: { ...params, ...retry, _meta } }
}

/** "Standard Request Headers". */
export function mirroringHeaders({ method, params }: PeerRequest): Record<string, string> {
  const source = NAME_SOURCES.get(method)
  const name = source === undefined ? undefined : params[source]
  return {
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-protocol-version': VERSION,
    'mcp-method': method,
    ...(typeof name === 'string' && { 'mcp-name': encodeMirrored(name) }),
  }
}

function envelope({ clientInfo, capabilities, logLevel }: Visitor): Members {
  return {
    [PROTOCOL_VERSION]: VERSION,
    [CLIENT_INFO]: clientInfo ?? GATEHOUSE,
    [CLIENT_CAPABILITIES]: capabilities,
    ...(logLevel !== null && { [LOG_LEVEL]: logLevel }),
  }
}
