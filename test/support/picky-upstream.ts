// Owns upstreams in tests whose tools each want a scope of their own: a guard, with an authorization server, before a real one.

import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import * as z from 'zod'
import type { Teardown } from './database.ts'
import { serveLocally } from './local-server.ts'

export interface PickyUpstream {
  readonly origin: string
  /** The scopes that logins asked for, in order. */
  readonly asked: readonly string[]
  /** Its tokens are good for nothing any more, and cannot be renewed. */
  end(): void
  /** As an `auth` that begins with `files:read`. */
  readonly auth: Readonly<Record<string, string>>
}

/** What a call needs beyond a login. `name`: of the tool, or the method and the path of a request to an API. */
export type Needed = Readonly<Record<string, string>>

const named = z.object({ method: z.literal('tools/call'), params: z.object({ name: z.string() }) })

/** Gives every scope but `files:never`, at once, and lets nobody near `behind` without. Nothing below `/open` is guarded. */
export async function startPickyUpstream(
  t: Teardown,
  behind: string,
  needed: Needed,
): Promise<PickyUpstream> {
  const asked: string[] = []
  const tokens = new Map<string, string>()
  const server = createServer(async (req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? '/', 'http://upstream')
    if (pathname === '/authorize') {
      asked.push(searchParams.get('scope') ?? '')
      return sendBack(res, searchParams)
    }
    const body = await text(req)
    if (pathname === '/token') return giveToken(res, new URLSearchParams(body), tokens)
    const scope = tokens.get(req.headers.authorization?.slice('Bearer '.length) ?? '')
    const name = nameIn(body) ?? `${req.method} ${pathname}`
    const refusal = pathname.startsWith('/open') ? null : refusalFor(scope?.split(' ') ?? null, needed[name])
    if (refusal === null) return pass(req, res, behind, body)
    res.writeHead(refusal.status, { 'www-authenticate': refusal.challenge }).end()
  })
  const origin = await serveLocally(t, server)
  const auth = {
    type: 'oauth2',
    client_id: 'gatehouse',
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    scopes: 'files:read',
  }
  return { origin, asked, auth, end: () => tokens.clear() }
}

function sendBack(res: ServerResponse, parameters: URLSearchParams): void {
  const back = new URL(parameters.get('redirect_uri') ?? '')
  back.searchParams.set('state', parameters.get('state') ?? '')
  back.searchParams.set('code', parameters.get('scope') ?? '')
  res.writeHead(302, { location: back.href }).end()
}

function giveToken(res: ServerResponse, form: URLSearchParams, tokens: Map<string, string>): void {
  const scope = (form.get('code') ?? '').replace(/ ?files:never/, '')
  const access_token = randomUUID()
  tokens.set(access_token, scope)
  const body = JSON.stringify({ access_token, token_type: 'Bearer', expires_in: 3600, scope })
  res.writeHead(200, { 'content-type': 'application/json' }).end(body)
}

function nameIn(body: string): string | null {
  return body === '' ? null : (named.safeParse(JSON.parse(body)).data?.params.name ?? null)
}

/** `scopes`: null without a token. */
function refusalFor(scopes: readonly string[] | null, needed: string | undefined) {
  if (scopes === null) return { status: 401, challenge: 'Bearer' }
  if (needed === undefined || scopes.includes(needed)) return null
  return { status: 403, challenge: `Bearer error="insufficient_scope", scope="${needed}"` }
}

function pass(
  { method = '', url = '', headers }: IncomingMessage,
  res: ServerResponse,
  to: string,
  body: string,
) {
  const passed = request(new URL(url, to), { method, headers }, (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.headers)
    res.flushHeaders()
    answer.pipe(res)
  })
  passed.on('error', () => res.destroy())
  res.on('close', () => passed.destroy())
  passed.end(body)
}
