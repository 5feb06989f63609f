// Owns calls for which the login at an upstream does not reach: the person is asked for more, and what there was stays.

import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { createEndpoint } from '../../src/demo/endpoint.ts'
import { build } from '../support/gatehouse.ts'
import { connect } from '../support/sign-in.ts'
import { LOGIN, open } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'
const NEEDED: Readonly<Record<string, string>> = { write: 'files:write', never: 'files:never' }

/** Gives every scope but `files:never`, at once, and tells what was asked for. */
async function startPickyUpstream(t: Test) {
  const asked: (string | null)[] = []
  const tokens = new Map<string, string>()
  const endpoint = createEndpoint(() => {
    const server = new McpServer({ name: 'picky', version: '1' }, { capabilities: { tools: {} } })
    for (const name of ['read', 'write', 'never'])
      server.registerTool(name, { inputSchema: z.object({}) }, async () => ({
        content: [{ type: 'text', text: `${name} done` }],
      }))
    return server
  })
  const server = createServer(async (req, res) => {
    const url = new URL(req.url ?? '/', 'http://upstream')
    const { searchParams } = url
    if (url.pathname === '/authorize') {
      const scope = searchParams.get('scope') ?? ''
      asked.push(scope)
      const back = new URL(searchParams.get('redirect_uri') ?? '')
      back.searchParams.set('state', searchParams.get('state') ?? '')
      back.searchParams.set('code', scope)
      return void res.writeHead(302, { location: back.href }).end()
    }
    if (url.pathname === '/token') {
      const scope = (new URLSearchParams(await text(req)).get('code') ?? '').replace(/ ?files:never/, '')
      const access_token = randomUUID()
      tokens.set(access_token, scope)
      const body = JSON.stringify({ access_token, token_type: 'Bearer', expires_in: 3600, scope })
      return void res.writeHead(200, { 'content-type': 'application/json' }).end(body)
    }
    const scope = tokens.get(req.headers.authorization?.slice('Bearer '.length) ?? '')
    const refusal = refusalFor(scope?.split(' ') ?? null, req.headers['mcp-name'])
    if (refusal === null) return endpoint.handle(req, res)
    res.writeHead(refusal.status, { 'www-authenticate': refusal.challenge }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void server.close().closeAllConnections())
  const address = server.address()
  const origin = address !== null && typeof address === 'object' ? `http://127.0.0.1:${address.port}` : ''
  return { origin, asked }
}

/** `scopes`: null without a token. */
function refusalFor(scopes: readonly string[] | null, tool: unknown) {
  if (scopes === null) return { status: 401, challenge: 'Bearer' }
  const needed = NEEDED[String(tool)]
  if (needed === undefined || scopes.includes(needed)) return null
  return { status: 403, challenge: `Bearer error="insufficient_scope", scope="${needed}"` }
}

t.test('a call that needs more than the login has asks for it once, and keeps what there was', async (t) => {
  const { origin: there, asked } = await startPickyUpstream(t)
  const auth = {
    type: 'oauth2',
    client_id: 'gatehouse',
    authorization_endpoint: `${there}/authorize`,
    token_endpoint: `${there}/token`,
    scopes: 'files:read',
  }
  const UPSTREAMS = JSON.stringify({ notion: { url: `${there}/mcp`, auth } })
  const { origin, browser, createPerson, db } = await build(t, { env: { UPSTREAMS } })
  await createPerson(ALICE)
  const desk = browser()
  const { accessToken } = await connect(origin, desk, ALICE, { parameters: { scope: 'notion' } })
  const logIn = async (link: string) => {
    const away = await desk.submit(await desk.open(link), {}, undefined, LOGIN)
    const back = await fetch(away.url, { redirect: 'manual' })
    await desk.open(back.headers.get('location') ?? '')
  }
  await open(origin, desk, '/account')
  await logIn(`${origin}/connect/notion`)
  const messages: string[] = []
  const client = new Client(
    { name: 'Tester', version: '1' },
    { capabilities: { elicitation: { url: {} } }, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    messages.push(params.message)
    if (params.mode === 'url') await logIn(params.url)
    return { action: 'accept' }
  })
  const requestInit = { headers: { authorization: `Bearer ${accessToken}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { requestInit }))
  t.teardown(() => client.close())
  const call = async (name: string) => JSON.stringify(await client.callTool({ name, arguments: {} }))
  t.match(await call('read'), 'read done')
  t.same(messages, [])

  t.match(await call('write'), 'write done')

  t.equal(messages.length, 1)
  t.match(messages[0], 'wants you to allow more for this')
  t.same(asked, ['files:read', 'files:read files:write'])
  t.match(await call('never'), 'does not allow this with the login that there is')
  t.equal(messages.length, 2, 'and nobody is sent in circles')
  t.match(await call('write'), 'write done', 'what there was is as good as before')
  const rows = await db.selectFrom('upstream_connections').select('state').execute()
  t.same(rows, [{ state: 'connected' }])
})
