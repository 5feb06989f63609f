// Owns /mcp of an upstream that speaks both protocol eras: reads a request once and routes it by its era.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { toNodeHandler } from '@modelcontextprotocol/node'
import {
  classifyInboundRequest,
  createMcpHandler,
  type McpServer,
  type ServerNotifier,
} from '@modelcontextprotocol/server'
import { BODY_TOO_LARGE, PARSE_ERROR, refuse } from './refusal.ts'
import { createSessions, SESSION_LIMITS, type SessionLimits, type Sessions } from './sessions.ts'

/** `legacy` is 2025-03-26 to 2025-11-25, with sessions; `modern` is 2026-07-28, stateless. */
export type Era = 'legacy' | 'modern'

export interface Endpoint {
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  /** Tells the open 2026-07-28 subscriptions what changed. */
  readonly notify: ServerNotifier
  readonly sessions: Sessions
  close(): Promise<void>
}

export interface EndpointOptions {
  /** The eras to serve; the other one is answered as a server that never heard of it would. */
  readonly eras?: ReadonlySet<Era>
  readonly sessionLimits?: Partial<SessionLimits>
}

const BOTH_ERAS: ReadonlySet<Era> = new Set<Era>(['legacy', 'modern'])
const MAX_BODY_BYTES = 4 * 1024 * 1024
const MAX_SUBSCRIPTIONS = 200

export function createEndpoint(
  buildServer: (era: Era) => McpServer,
  options: EndpointOptions = {},
): Endpoint {
  const eras = options.eras ?? BOTH_ERAS
  const sessions = createSessions(() => buildServer('legacy'), {
    ...SESSION_LIMITS,
    ...options.sessionLimits,
  })
  const modern = createMcpHandler(() => buildServer('modern'), {
    legacy: 'reject',
    maxSubscriptions: MAX_SUBSCRIPTIONS,
  })
  const answerModern = toNodeHandler(modern)

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await readBody(req)
    if (body === 'too large') return refuse(res, BODY_TOO_LARGE)
    if (body === 'not JSON') return refuse(res, PARSE_ERROR)
    const era = eraOf(req, body.json)
    const served = eras.has(era) ? era : otherEra(era)
    await (served === 'legacy' ? sessions.handle(req, res, body.json) : handleModern(req, res, body.json))
  }

  function handleModern(req: IncomingMessage, res: ServerResponse, json: unknown): Promise<void> {
    return answerModern(Object.assign(req, { method: req.method ?? 'GET', url: req.url ?? '/' }), res, json)
  }

  async function close(): Promise<void> {
    await Promise.all([modern.close(), sessions.close()])
  }

  return { handle, notify: modern.notify, sessions, close }
}

function otherEra(era: Era): Era {
  return era === 'legacy' ? 'modern' : 'legacy'
}

function eraOf(req: IncomingMessage, body: unknown): Era {
  const version = req.headers['mcp-protocol-version']
  const method = req.headers['mcp-method']
  const { kind } = classifyInboundRequest({
    httpMethod: req.method ?? 'GET',
    ...(version !== undefined && { protocolVersionHeader: String(version) }),
    ...(method !== undefined && { mcpMethodHeader: String(method) }),
    body,
  })
  // A malformed claim of the new era is the new era's to refuse.
  return kind === 'legacy' ? 'legacy' : 'modern'
}

async function readBody(req: IncomingMessage): Promise<{ json: unknown } | 'too large' | 'not JSON'> {
  const chunks: Buffer[] = []
  let size = 0
  // Destroying the request would take the connection with it, and the refusal could not be sent.
  for await (const chunk of req.iterator({ destroyOnReturn: false })) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) return 'too large'
    chunks.push(chunk)
  }
  if (size === 0) return req.method === 'POST' ? 'not JSON' : { json: undefined }
  try {
    return { json: JSON.parse(Buffer.concat(chunks).toString('utf8')) }
  } catch {
    return 'not JSON'
  }
}
