// Owns what people can allow: tools in groups on the consent page, scopes in the token, and a step-up that names what is missing.

import { McpServer } from '@modelcontextprotocol/server'
import t from 'tap'
import * as z from 'zod'
import { serveMcp } from '../gateway/mcp-upstream.ts'
import { build, type Running } from '../support/gatehouse.ts'
import { authorizationRequest, claimsOf, postJson, register } from '../support/oauth.ts'
import { authorize, connect, redeem, refresh, signIn } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'
const SCOPES = { issues: { title: 'Work on issues', tools: ['create_issue', 'close_*'] } }

interface Shelf {
  extra: boolean
}

/** An upstream whose list of tools can grow. */
function shopServer(shelf: Shelf): McpServer {
  const server = new McpServer({ name: 'shop', version: '1' })
  const answer = async () => ({ content: [{ type: 'text' as const, text: 'done' }] })
  const add = (name: string, readOnlyHint: boolean) =>
    server.registerTool(
      name,
      { description: name, inputSchema: z.object({}), annotations: { readOnlyHint } },
      answer,
    )
  add('search', true)
  add('create_issue', false)
  add('close_issue', false)
  add('drop_table', false)
  if (shelf.extra) add('export_all', false)
  return server
}

async function shop(
  t: Parameters<typeof serveMcp>[0],
  settings: object = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Running & { shelf: Shelf }> {
  const shelf = { extra: false }
  const upstream = await serveMcp(t, () => shopServer(shelf), 'modern')
  const UPSTREAMS = JSON.stringify({
    shop: { url: upstream.url, title: 'Shop', scopes: SCOPES, ...settings },
  })
  const running = await build(t, { env: { ...env, UPSTREAMS } })
  await running.createPerson(ALICE)
  return { ...running, shelf }
}

async function tokenFor({ origin, browser }: Running, scope: string, ticked?: string[]) {
  const client = await register(origin)
  const request = authorizationRequest(origin, client.client_id, { scope })
  const callback = await authorize(browser(), request, ALICE, ticked ? { scope: ticked } : {})
  const { body } = await redeem(origin, {
    client,
    code: callback.get('code') ?? '',
    verifier: request.verifier,
  })
  return {
    client,
    access: String(body.access_token),
    refreshToken: String(body.refresh_token),
    scope: body.scope,
  }
}

function callTool(origin: string, token: string, ...names: string[]) {
  const messages = names.map((name, id) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name, arguments: {} },
  }))
  const [only] = messages
  const headers = {
    authorization: `Bearer ${token}`,
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-03-26',
  }
  return postJson(`${origin}/mcp`, messages.length === 1 ? only : messages, headers)
}

t.test('the consent page lists the tools of the upstream under what lets them be called', async (t) => {
  const running = await shop(t)
  const client = await register(running.origin)
  const page = await signIn(
    running.browser(),
    authorizationRequest(running.origin, client.client_id, { scope: 'shop:issues' }).url,
    ALICE,
  )
  const groups = page.document.querySelectorAll('.choice').map((choice) => ({
    scope: choice.querySelector('input')?.getAttribute('value'),
    ticked: choice.querySelector('input')?.hasAttribute('checked'),
    label: choice.querySelector('label')?.text,
    tools: choice.querySelectorAll('code').map(({ text }) => text),
  }))
  t.match(groups, [
    { scope: 'shop:read', ticked: false, tools: ['search'] },
    { scope: 'shop:issues', ticked: true, label: 'Work on issues', tools: ['create_issue', 'close_issue'] },
    { scope: 'shop', ticked: false, tools: ['drop_table'] },
  ])
})

t.test('the account page names each scope that an app has, and only those', async (t) => {
  const running = await shop(t)
  const desk = running.browser()
  await connect(running.origin, desk, ALICE, { parameters: { scope: 'shop:issues' } })
  await connect(running.origin, desk, ALICE, { parameters: { scope: 'shop:read shop:issues' } })

  const { document } = await desk.open(`${running.origin}/account`)

  const [one = '', other = ''] = document
    .querySelectorAll('section[aria-labelledby="apps"] li')
    .map(({ text }) => text.replace(/\s+/g, ' '))
    .sort((a, b) => a.length - b.length)
  t.match(one, 'Shop: Work on issues')
  t.notMatch(one, 'read')
  t.match(other, 'Shop: Work on issues; read')
})

t.test('what was granted is what the token says, and what it does not cover is a step-up', async (t) => {
  const running = await shop(t)
  const { access, scope } = await tokenFor(running, 'shop:read shop:issues shop', [
    'shop:read',
    'shop:issues',
  ])
  const challenge = async (...tools: string[]) =>
    (await callTool(running.origin, access, ...tools)).headers.get('www-authenticate')

  t.same(String(scope).split(' ').sort(), ['shop:issues', 'shop:read'])
  t.match(claimsOf(access), { scope })
  t.not((await callTool(running.origin, access, 'search')).status, 403)
  t.not((await callTool(running.origin, access, 'close_issue')).status, 403)
  t.match(await challenge('drop_table'), 'error="insufficient_scope"')
  t.match(await challenge('drop_table'), 'scope="shop"')
  const reader = await tokenFor(running, 'shop:read')
  const both = await callTool(running.origin, reader.access, 'create_issue', 'search')
  t.equal(both.status, 403)
  t.match(both.headers.get('www-authenticate'), 'scope="shop:issues"', 'each element of a batch counts')
})

t.test('a client that refreshes instead of asking is sent to ask', async (t) => {
  const running = await shop(t)
  const { client, access, refreshToken } = await tokenFor(running, 'shop:read')
  const { origin } = running
  t.equal((await callTool(origin, access, 'create_issue')).status, 403)

  const answer = await refresh(origin, client.client_id, refreshToken)

  t.match(answer, { status: 400, body: { error: 'invalid_grant' } }, 'SDK v1 then asks the person')
  t.match(await refresh(origin, client.client_id, refreshToken), { status: 200 }, 'and nothing was lost')
})

t.test('who starts over without saying what it lacks is shown to the person, once', async (t) => {
  const running = await shop(t)
  const { origin, browser } = running
  const desk = browser()
  const { client, accessToken, refreshToken } = await connect(origin, desk, ALICE, {
    parameters: { scope: 'shop:read' },
  })
  const visit = () =>
    signIn(desk, authorizationRequest(origin, client.client_id, { scope: 'shop:read' }).url, ALICE)
  t.match((await visit()).url, 'code=', 'the consent is remembered')
  t.equal((await callTool(origin, accessToken, 'create_issue')).status, 403)
  t.match((await visit()).url, 'code=', 'and another window of the app is not disturbed')
  t.match(await refresh(origin, client.client_id, refreshToken), { status: 400 })

  const page = await visit()

  t.match(page.url, '/consent/', 'MCP Inspector asks for the same as before')
  await desk.submit(page, { scope: ['shop:read', 'shop'] }, 'allow')
  t.match((await visit()).url, 'code=')
})

t.test('new tools wait until the person has agreed again, where the operator wants that', async (t) => {
  const running = await shop(t, { holdNewTools: true })
  const { origin, db, shelf } = running
  const { visit, token } = await visitor(running, ALICE)
  t.not((await callTool(origin, token, 'drop_table')).status, 403)
  t.match((await visit()).url, 'code=', 'the consent is remembered')

  shelf.extra = true
  await db.deleteFrom('upstream_tools').where('name', '=', 'export_all').execute()
  const held = await eventually(
    () => callTool(origin, token, 'export_all'),
    ({ status }) => status === 403,
  )

  t.match(held.headers.get('www-authenticate'), 'Tool export_all is new since access was allowed')
  t.not((await callTool(origin, token, 'drop_table')).status, 403, 'the others still work')
  const again = await visit()
  t.match(again.url, '/consent/', 'the person is asked again')
  t.match(again.document.querySelector('li:has(.badge)')?.text ?? again.body, 'export_all')
})

t.test('a new tool that the policy denies a person is no reason to ask that person again', async (t) => {
  const rules = [
    { tools: ['export_all'], people: [ALICE], effect: 'allow' },
    { tools: ['export_all'], effect: 'deny' },
  ]
  const running = await shop(t, { holdNewTools: true }, { POLICY: JSON.stringify({ rules }) })
  await running.createPerson(BOB)
  const [alice, bob] = [await visitor(running, ALICE), await visitor(running, BOB)]

  running.shelf.extra = true
  await eventually(
    () => callTool(running.origin, alice.token, 'export_all'),
    ({ status }) => status === 403,
  )

  t.match((await alice.visit()).url, '/consent/', 'who may have it is asked')
  t.match((await bob.visit()).url, 'code=')
})

/** Somebody who has agreed to everything, and may come again with the same app and browser. */
async function visitor({ origin, browser }: Running, email: string) {
  const desk = browser()
  const client = await register(origin)
  const begin = () => authorizationRequest(origin, client.client_id, { scope: 'shop' })
  const request = begin()
  const end = await desk.submit(await signIn(desk, request.url, email), {}, 'allow')
  const code = new URL(end.url).searchParams.get('code') ?? ''
  const { body } = await redeem(origin, { client, code, verifier: request.verifier })
  return { token: String(body.access_token), visit: () => signIn(desk, begin().url, email) }
}

/** The catalogue asks the upstream again for a name it does not know, after a few seconds. */
async function eventually<Value>(act: () => Promise<Value>, isIt: (value: Value) => boolean): Promise<Value> {
  const until = Date.now() + 20_000
  for (;;) {
    const value = await act()
    if (isIt(value) || Date.now() > until) return value
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}
