// Owns the headers that mirror the body (MCP 2026-07-28, Streamable HTTP, "Request Metadata"): they must tell the truth.

import type { IncomingHttpHeaders } from 'node:http'
import { isModern } from '../mcp/era.ts'
import { PROTOCOL_VERSION } from '../mcp/meta.ts'
import { decodeMirrored, NAME_SOURCES, PARAMETER_PREFIX } from '../mcp/mirrored.ts'
import { HEADER_MISMATCH, isRecord } from '../mcp/rpc.ts'
import { type RpcMessage, requestIds } from './message.ts'
import { type Refusal, rpcRefusal } from './refusal.ts'

const MIRRORED: readonly string[] = ['mcp-protocol-version', 'mcp-method', 'mcp-name']

/**
 * Throws a refusal (400, -32020) for a header that contradicts the body, or that was sent twice: somebody between here and
 * the upstream could act on the other value. We decide by the body alone, so another header that is missing bypasses
 * nothing: the upstream, which knows its revision, answers for that, and for everything else that is wrong with the request.
 */
export function checkMirroredHeaders(
  headers: IncomingHttpHeaders,
  repeated: ReadonlySet<string>,
  messages: readonly RpcMessage[],
): void {
  for (const name of repeated) {
    if (isMirrored(name)) throw mismatch('A header was sent more than once', messages)
  }
  for (const message of messages) {
    const contradiction = contradicts(headers, message)
    if (contradiction !== null) throw mismatch(contradiction, messages)
  }
}

function isMirrored(name: string): boolean {
  return MIRRORED.includes(name) || name.startsWith(PARAMETER_PREFIX)
}

function contradicts(headers: IncomingHttpHeaders, { method, params }: RpcMessage): string | null {
  if (method === null) return null
  if (disagree(headers['mcp-method'], method)) return 'Mcp-Method is not the method of the body'
  const version = versionIn(params)
  if (disagree(headers['mcp-protocol-version'], version)) {
    return 'MCP-Protocol-Version is not the version in the body'
  }
  // Without it a request is of a session, which this one cannot be.
  if (headers['mcp-protocol-version'] === undefined && typeof version === 'string' && isModern(version)) {
    return 'MCP-Protocol-Version is missing'
  }
  const source = NAME_SOURCES.get(method)
  return source === undefined ? null : contradictsName(headers['mcp-name'], params[source])
}

function contradictsName(header: string | string[] | undefined, value: unknown): string | null {
  if (header === undefined) return null
  const name = typeof header === 'string' ? decodeMirrored(header) : null
  if (name === null) return 'Mcp-Name is not well-formed'
  return disagree(name, value) ? 'Mcp-Name is not the name in the body' : null
}

/** Only two values can disagree; what is not there contradicts nothing. */
function disagree(header: string | string[] | undefined, value: unknown): boolean {
  return header !== undefined && typeof value === 'string' && header !== value
}

function versionIn(params: Readonly<Record<string, unknown>>): unknown {
  return isRecord(params._meta) ? params._meta[PROTOCOL_VERSION] : undefined
}

function mismatch(what: string, messages: readonly RpcMessage[]): Refusal {
  return rpcRefusal({
    status: 400,
    reason: 'headers',
    code: HEADER_MISMATCH,
    message: `Header mismatch: ${what}.`,
    ids: requestIds(messages),
  })
}
