// Owns which of a client's headers an upstream sees: those of the protocol, and none that says who somebody is.

import type { Credential } from '../upstreams/credentials.ts'
import type { HttpUpstream } from '../upstreams/registry.ts'
import type { Call } from './call.ts'

const PASSED: ReadonlySet<string> = new Set([
  'accept',
  'mcp-protocol-version',
  'mcp-method',
  'mcp-name',
  'last-event-id',
  'traceparent',
  'tracestate',
  'baggage',
])

/** MCP 2026-07-28, "Server Behavior for Custom Headers": to be forwarded, known or not. */
const MIRRORED_PARAMETER = 'mcp-param-'

/** Each message says these for itself. */
const OF_THE_MESSAGE: ReadonlySet<string> = new Set([...PASSED, 'content-type', 'accept-encoding'])

/** The same for every request to an upstream, as flat pairs. Nothing is unpacked on the way, so nothing may be packed. */
export function standingHeaders({ headers }: Pick<HttpUpstream, 'headers'>): readonly string[] {
  const configured = Object.entries(headers).filter(([name]) => !OF_THE_MESSAGE.has(name.toLowerCase()))
  const named = configured.some(([name]) => name.toLowerCase() === 'user-agent')
  const ours = named ? [] : [['user-agent', 'gatehouse']]
  return [...ours, ['accept-encoding', 'identity'], ...configured].flat()
}

/** The headers of one request, as flat pairs. Undici adds host, connection and content-length. */
export function requestHeaders(call: Call, standing: readonly string[], credential: Credential): string[] {
  const headers =
    credential.kind === 'none' ? [...standing] : presenting(standing, credential.name, credential.value)
  // Our own: the body was read as JSON, whatever else its type may have said.
  if (call.body !== null) headers.push('content-type', 'application/json')
  const given = call.req.headers
  for (const name in given) {
    const value = given[name]
    if (typeof value === 'string' && passes(name, call.modern)) headers.push(name, value)
  }
  if (call.session !== null) headers.push('mcp-session-id', call.session.id)
  return headers
}

/** "Earlier Streamable HTTP Revisions": streams of the modern era are not resumable. */
function passes(name: string, modern: boolean): boolean {
  if (name === 'last-event-id') return !modern
  return PASSED.has(name) || name.startsWith(MIRRORED_PARAMETER)
}

function presenting(standing: readonly string[], name: string, value: string): string[] {
  const others = standing.filter((_, at) => standing[at & ~1]?.toLowerCase() !== name.toLowerCase())
  return [...others, name, value]
}
