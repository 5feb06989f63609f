// Owns upstreams in tests that believe what Gatehouse says of a person: by its JWT, or by a token that their server gave for one.

import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { McpServer } from '@modelcontextprotocol/server'
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose'
import * as z from 'zod'
import { createEndpoint } from '../../src/demo/endpoint.ts'
import type { Teardown } from './database.ts'
import { serveLocally } from './local-server.ts'

export interface VerifyingUpstream {
  readonly origin: string
  readonly url: string
  /** Whose statements it believes, and those for whom: for the upstream itself, and for its token endpoint. */
  trust(issuer: string, audiences: { readonly upstream: string; readonly tokens: string }): void
  /** Header of the request to the token endpoint, and its form, in order. */
  readonly asked: readonly { readonly authorization: string | undefined; readonly form: URLSearchParams }[]
  /** Statements that it was shown at the upstream itself. */
  readonly shown: readonly string[]
  /** A key that it gave to somebody by other ways. */
  allow(key: string): void
  /** It accepts none of the tokens any more that it gave so far. */
  forgetTokens(): void
}

export const EXCHANGE_CLIENT = { id: 'gate:house', secret: 'planted secret+1' }
const BASIC = `Basic ${btoa('gate%3Ahouse:planted+secret%2B1')}`

export async function startVerifyingUpstream(t: Teardown): Promise<VerifyingUpstream> {
  const current = new AsyncLocalStorage<JWTPayload>()
  const endpoint = createEndpoint(() => buildServer(() => current.getStore() ?? {}))
  const tokens = new Map<string, JWTPayload>()
  const asked: { authorization: string | undefined; form: URLSearchParams }[] = []
  const shown: string[] = []
  let verify = async (_token: string, _at: 'upstream' | 'tokens'): Promise<JWTPayload> => {
    throw new Error('it trusts nobody yet')
  }

  const server = createServer(async (req, res) => {
    if (req.url === '/token') return exchange(req, res)
    const token = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1] ?? req.headers['x-person']
    if (typeof token !== 'string') return void res.writeHead(401).end()
    const claims = tokens.get(token) ?? (await verify(token, 'upstream').catch(() => null))
    if (claims === null) return void res.writeHead(401).end()
    shown.push(token)
    await current.run(claims, () => endpoint.handle(req, res))
  })

  async function exchange(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await text(req))
    const { authorization } = req.headers
    asked.push({ authorization, form })
    const claims = await verify(form.get('subject_token') ?? '', 'tokens').catch(() => null)
    const answer = (status: number, body: object) =>
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (authorization !== BASIC) return void answer(401, { error: 'invalid_client' })
    if (claims === null) return void answer(400, { error: 'invalid_grant' })
    const access_token = randomUUID()
    tokens.set(access_token, claims)
    answer(200, { access_token, token_type: 'Bearer', expires_in: 300 })
  }

  const origin = await serveLocally(t, server)
  return {
    origin,
    url: `${origin}/mcp`,
    asked,
    shown,
    trust(issuer, audiences) {
      const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`))
      verify = async (token, at) =>
        (await jwtVerify(token, keys, { issuer, audience: audiences[at], typ: 'JWT' })).payload
    },
    allow: (key) => void tokens.set(key, { sub: 'who has the key' }),
    forgetTokens: () => tokens.clear(),
  }
}

function buildServer(claims: () => JWTPayload): McpServer {
  const server = new McpServer({ name: 'verifying', version: '1' }, { capabilities: { tools: {} } })
  const annotations = { readOnlyHint: true }
  server.registerTool('me', { inputSchema: z.object({}), annotations }, async () => ({
    content: [{ type: 'text', text: JSON.stringify(claims()) }],
  }))
  return server
}
