// Owns browsers: which origins may call (DNS rebinding), and what CORS tells them.

import type { IncomingMessage } from 'node:http'
import { isLoopbackHost } from '../oauth/loopback.ts'
import { rpcRefusal } from './refusal.ts'

export interface Origins {
  /**
   * The headers of every answer to this request, as flat pairs: the standing ones and those of CORS. A refusal (403) for an
   * origin that may not call.
   */
  admit(req: IncomingMessage): readonly string[]
}

const METHODS = 'GET, POST, DELETE, OPTIONS'
const PREFLIGHT_SECONDS = 7200
const REQUEST_HEADERS = [
  'Authorization',
  'Content-Type',
  'Accept',
  'MCP-Protocol-Version',
  'Mcp-Method',
  'Mcp-Name',
  'Mcp-Session-Id',
  'Last-Event-ID',
  'DPoP',
  'traceparent',
  'tracestate',
  'baggage',
]
const MIRRORED_PARAMETER = /^mcp-param-[\w!#$%&'*+.^`|~-]{1,128}$/i
const EXPOSED = 'WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After'

/**
 * MCP 2026-07-28, Streamable HTTP, "Security & Endpoint": an `Origin` that is there has to be one we know. Programs that are
 * no browsers send none. Pages on this machine are let in for the sake of tools that run there: they need a token all the same.
 */
export function createOrigins(
  publicUrl: string,
  allowed: readonly string[],
  standing: readonly string[] = [],
): Origins {
  const known = new Set([new URL(publicUrl).origin, ...allowed])
  const headers = new Map<string, readonly string[]>(
    [...known].map((origin) => [origin, [...standing, ...corsHeaders(origin)]]),
  )
  return {
    admit({ headers: { origin } }) {
      if (origin === undefined) return standing
      const prepared = headers.get(origin)
      if (prepared) return prepared
      if (isLoopbackOrigin(origin)) return [...standing, ...corsHeaders(origin)]
      throw rpcRefusal({ status: 403, reason: 'origin', code: 403, message: 'This origin may not call.' })
    },
  }
}

export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined
  )
}

/** Never with `allow-credentials`: the only credential is a header that the page itself sets. */
export function preflightHeaders(req: IncomingMessage, cors: readonly string[]): readonly string[] {
  return [
    ...cors,
    'access-control-allow-methods',
    METHODS,
    'access-control-allow-headers',
    [...REQUEST_HEADERS, ...mirroredParameters(req)].join(', '),
    'access-control-max-age',
    String(PREFLIGHT_SECONDS),
  ]
}

/** `Mcp-Param-…` names come from the upstream's tools, so they are reflected: a refused preflight makes SDK clients fall back an era. */
function mirroredParameters(req: IncomingMessage): readonly string[] {
  const requested = req.headers['access-control-request-headers'] ?? ''
  return requested
    .split(',')
    .map((name) => name.trim())
    .filter((name) => MIRRORED_PARAMETER.test(name))
}

function corsHeaders(origin: string): readonly string[] {
  return ['access-control-allow-origin', origin, 'access-control-expose-headers', EXPOSED, 'vary', 'Origin']
}

function isLoopbackOrigin(origin: string): boolean {
  const url = URL.parse(origin)
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false
  // An origin is scheme, host and port alone; the round trip refuses whatever else the text holds.
  return url.origin === origin && isLoopbackHost(url.hostname)
}
