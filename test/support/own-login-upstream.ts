// Owns upstreams in tests whose server knows Gatehouse itself: it gives tokens to a client, or to a workload, and to no person.

import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { McpServer } from '@modelcontextprotocol/server'
import { type CryptoKey, jwtVerify } from 'jose'
import * as z from 'zod'
import { createEndpoint } from '../../src/demo/endpoint.ts'
import type { Teardown } from './database.ts'
import { serveLocally } from './local-server.ts'

export interface Asked {
  readonly authorization: string | undefined
  readonly dpop: string | undefined
  readonly form: Readonly<Record<string, string>>
}

export interface OwnLoginUpstream {
  readonly origin: string
  readonly url: string
  /** At the token endpoint. */
  readonly asked: readonly Asked[]
  /** Of the calls that were let in. */
  readonly presented: readonly string[]
  /** From now on this decides who gets a token, and for how many seconds. Null: nobody does. */
  letIn(decide: (asked: Asked) => Promise<number | null>): void
  /** Its token endpoint answers with this status, until 0. */
  answerWith(status: number): void
  forgetTokens(): void
}

/** For `letIn`: the client assertion of RFC 7523 §2.2, good for this server and once. */
export function assertedBy(key: CryptoKey, issuer: string, seconds = 300) {
  const seen = new Set<unknown>()
  return async ({ form }: Asked): Promise<number | null> => {
    const { payload } = await jwtVerify(form.client_assertion ?? '', key, {
      issuer: form.client_id ?? '',
      subject: form.client_id ?? '',
      audience: issuer,
      requiredClaims: ['exp', 'iat', 'jti'],
    })
    if (seen.has(payload.jti)) return null
    seen.add(payload.jti)
    return seconds
  }
}

export async function startOwnLoginUpstream(t: Teardown): Promise<OwnLoginUpstream> {
  const endpoint = createEndpoint(buildServer)
  const tokens = new Set<string>()
  const asked: Asked[] = []
  const presented: string[] = []
  let decide = async (_asked: Asked): Promise<number | null> => null
  let status = 0
  const server = createServer((req, res) => void answer(req, res))

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.url === '/mcp') return call(req, res)
    if (req.url === '/token') return give(req, res)
    const found = documents().get(req.url ?? '')
    say(res, found ? 200 : 404, found ?? {})
  }

  const documents = () =>
    new Map<string, object>([
      ['/.well-known/oauth-protected-resource/mcp', { resource: url, authorization_servers: [origin] }],
      [
        '/.well-known/oauth-authorization-server',
        {
          issuer: origin,
          authorization_endpoint: `${origin}/authorize`,
          token_endpoint: `${origin}/token`,
          response_types_supported: ['code'],
          scopes_supported: ['entries', 'offline_access'],
        },
      ],
    ])

  async function call(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { authorization = '' } = req.headers
    if (!tokens.has(authorization)) {
      res.setHeader('www-authenticate', 'Bearer scope="entries"')
      return say(res, 401, {})
    }
    presented.push(authorization)
    await endpoint.handle(req, res)
  }

  async function give(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { authorization, dpop } = req.headers
    const form = Object.fromEntries(new URLSearchParams(await text(req)))
    const one = { authorization, dpop: typeof dpop === 'string' ? dpop : undefined, form }
    asked.push(one)
    if (status > 0) return say(res, status, {})
    const seconds = await decide(one).catch(() => null)
    if (seconds === null) return say(res, 401, { error: 'invalid_client' })
    const access_token = randomUUID()
    tokens.add(`Bearer ${access_token}`)
    say(res, 200, { access_token, token_type: 'Bearer', expires_in: seconds })
  }

  const origin = await serveLocally(t, server)
  const url = `${origin}/mcp`
  return {
    origin,
    url,
    asked,
    presented,
    letIn: (next) => {
      decide = next
    },
    answerWith: (next) => {
      status = next
    },
    forgetTokens: () => tokens.clear(),
  }
}

function say(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function buildServer(): McpServer {
  const server = new McpServer({ name: 'own-login', version: '1' }, { capabilities: { tools: {} } })
  const annotations = { readOnlyHint: true }
  server.registerTool('me', { inputSchema: z.object({}), annotations }, async () => ({
    content: [{ type: 'text', text: 'you are Gatehouse' }],
  }))
  return server
}
