// Owns the head of an answer that passes: the few headers of the upstream's that a client gets, and ours.

import type { IncomingHttpHeaders } from 'node:http'
import type { UpstreamCall } from './call.ts'
import { opensLinks } from './login-in-session.ts'
import { concealSession, type Sealer } from './session.ts'

export type AnswerKind = 'json' | 'events' | 'status'

/** `allow` and `retry-after` also go with a refusal that stands in for the upstream's answer. */
const PASSED = ['mcp-protocol-version', 'retry-after', 'allow']
const SHARED_CACHING = /\b(public|s-maxage|must-revalidate)\b/i

/**
 * Flat pairs; null when the upstream names a session that cannot be one. An upstream sets nothing on this origin: no cookie,
 * no challenge, no CORS, no policy.
 */
export function answerHead(
  call: UpstreamCall,
  sealer: Sealer,
  upstream: IncomingHttpHeaders,
  kind: AnswerKind,
): string[] | null {
  const session = sessionHandle(call, sealer, upstream)
  if (session === null) return null
  const headers = passedHeaders(upstream)
  if (session !== '') headers.push('mcp-session-id', session)
  headers.push('cache-control', cacheControl(upstream), 'x-content-type-options', 'nosniff')
  headers.push(...contentHeaders(upstream, kind))
  return call.cors.length === 0 ? headers : [...headers, ...call.cors]
}

export function passedHeaders(upstream: IncomingHttpHeaders): string[] {
  const passed: string[] = []
  for (const name of PASSED) {
    const value = upstream[name]
    if (typeof value === 'string') passed.push(name, value)
  }
  return passed
}

/** Empty for none. The modern era has no sessions. */
function sessionHandle(call: UpstreamCall, sealer: Sealer, upstream: IncomingHttpHeaders): string | null {
  const id = upstream['mcp-session-id']
  if (id === undefined || call.modern) return ''
  if (typeof id !== 'string') return null
  return concealSession(sealer, id, call.caller, call.place.upstream.name, call.session, opensLinks(call))
}

/**
 * `no-store` unless the upstream says something else that keeps the answer out of shared caches: what a caller gets with a
 * token is for that caller, whatever the upstream believes (RFC 9111 §3.5 would let these directives share it).
 */
function cacheControl({ 'cache-control': given }: IncomingHttpHeaders): string {
  return given !== undefined && !SHARED_CACHING.test(given) ? given : 'no-store'
}

function contentHeaders(upstream: IncomingHttpHeaders, kind: AnswerKind): readonly string[] {
  if (kind === 'status') return ['content-length', '0']
  // Not to be collected by a proxy on the way (nginx), or the events come all at once.
  if (kind === 'events') return ['content-type', 'text/event-stream', 'x-accel-buffering', 'no']
  const length = upstream['content-length']
  if (length === undefined) return ['content-type', 'application/json']
  return ['content-type', 'application/json', 'content-length', length]
}
