// Owns the operator's policy in the whole service: from the groups of a person to what apps of every era see and may call.

import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer } from '@modelcontextprotocol/server'
import * as client from 'openid-client'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { create as createKey } from '../../src/storage/api-keys.ts'
import { joinGroup } from '../../src/storage/user-groups.ts'
import { type Era, serveMcp } from '../gateway/mcp-upstream.ts'
import { build, type Running } from '../support/gatehouse.ts'
import { authorizationRequest, claimsOf, register } from '../support/oauth.ts'
import { createOperatorClient } from '../support/operator-clients.ts'
import { connect, signIn } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

const POLICY = JSON.stringify({
  rules: [
    { tools: ['delete_*'], groups: ['admins'], effect: 'allow' },
    { tools: ['delete_*'], clients: ['machine-*'], effect: 'allow' },
    { tools: ['delete_*'], effect: 'deny', reason: 'Ask an admin.' },
  ],
})

function buildServer(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1' })
  for (const name of ['read_note', 'delete_note'])
    server.registerTool(name, { inputSchema: z.object({}) }, async () => ({
      content: [{ type: 'text', text: `did ${name}` }],
    }))
  return server
}

/** Alice is an admin, Bob is not. */
async function scene(t: Test, eras: readonly Era[]): Promise<Running> {
  const entries = await Promise.all(
    eras.map(async (era, at) => [`notes${at}`, { url: (await serveMcp(t, buildServer, era)).url }]),
  )
  const UPSTREAMS = JSON.stringify(Object.fromEntries(entries))
  const running = await build(t, { env: { UPSTREAMS, POLICY } })
  const { id } = await running.createPerson(ALICE)
  await joinGroup(running.db, id, 'admins', false)
  await running.createPerson(BOB)
  return running
}

interface App {
  tools(): Promise<readonly string[]>
  call(name: string): Promise<string>
}

type Start = (url: string, token: string) => Promise<App>

const startV1: Start = async (url, token) => {
  const app = new ClientV1({ name: 'v1', version: '1' })
  const connectable: { connect(transport: object): Promise<void> } = app
  await connectable.connect(new TransportV1(new URL(url), { requestInit: bearing(token) }))
  t.teardown(() => app.close())
  return {
    tools: async () => (await app.listTools()).tools.map(({ name }) => name),
    call: async (name) => textOf(await app.callTool({ name, arguments: {} })),
  }
}

const startV2: Start = async (url, token) => {
  const app = new ClientV2(
    { name: 'v2', version: '1' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  await app.connect(new TransportV2(new URL(url), { requestInit: bearing(token) }))
  t.teardown(() => app.close())
  return {
    tools: async () => (await app.listTools()).tools.map(({ name }) => name),
    call: async (name) => textOf(await app.callTool({ name, arguments: {} })),
  }
}

function bearing(token: string) {
  return { headers: { authorization: `Bearer ${token}` } }
}

function textOf(result: object): string {
  const content = 'content' in result && Array.isArray(result.content) ? result.content : []
  return content.map((part: object) => ('text' in part ? String(part.text) : '')).join('')
}

async function tokenOf({ origin, browser }: Running, email: string, scope: string): Promise<string> {
  return (await connect(origin, browser(), email, { parameters: { scope } })).accessToken
}

const APPS: readonly (readonly [string, Start])[] = [
  ['a 2025 app', startV1],
  ['a 2026-07-28 app', startV2],
]

for (const era of ['legacy', 'modern'] as const) {
  t.test(`at a ${era} upstream, apps of both eras see and may call what their person may`, async (t) => {
    const running = await scene(t, [era])
    const alice = await tokenOf(running, ALICE, 'notes0')
    const bob = await tokenOf(running, BOB, 'notes0')
    for (const [what, start] of APPS) {
      const forAlice = await start(`${running.origin}/mcp`, alice)
      const forBob = await start(`${running.origin}/mcp`, bob)
      t.same(await forAlice.tools(), ['read_note', 'delete_note'], what)
      t.same(await forBob.tools(), ['read_note'], what)
      t.equal(await forAlice.call('delete_note'), 'did delete_note')
      await t.rejects(forBob.call('delete_note'), /Ask an admin\./)
      t.equal(await forBob.call('read_note'), 'did read_note')
    }
  })
}

t.test(
  'the consent page shows the tools that the person may have with this app, and no others',
  async (t) => {
    const running = await scene(t, ['legacy', 'modern'])
    const shown = async (email: string, clientId: string) => {
      const request = authorizationRequest(running.origin, clientId, { scope: 'notes0 notes1' })
      const page = await signIn(running.browser(), request.url, email)
      t.match(page.url, '/consent/')
      return page.document.querySelectorAll('details code').map(({ text }) => text)
    }
    const { client_id: app } = await register(running.origin)
    t.same(await shown(ALICE, app), ['read_note', 'delete_note', 'read_note', 'delete_note'])
    t.same(await shown(BOB, app), ['read_note', 'read_note'])
  },
)

t.test('behind one address for several upstreams the same rules hold', async (t) => {
  const running = await scene(t, ['legacy', 'modern'])
  const alice = await tokenOf(running, ALICE, 'notes0 notes1')
  const bob = await tokenOf(running, BOB, 'notes0 notes1')
  for (const [what, start] of APPS) {
    const forAlice = await start(`${running.origin}/mcp`, alice)
    const forBob = await start(`${running.origin}/mcp`, bob)
    const named = async (app: App) => (await app.tools()).filter((name) => /^notes/.test(name)).sort()
    const reading = ['notes0_read_note', 'notes1_read_note']
    t.same(await named(forBob), reading, what)
    t.same(await named(forAlice), [
      'notes0_delete_note',
      'notes0_read_note',
      'notes1_delete_note',
      'notes1_read_note',
    ])
    for (const upstream of ['notes0', 'notes1']) {
      t.equal(await forAlice.call(`${upstream}_delete_note`), 'did delete_note')
      await t.rejects(forBob.call(`${upstream}_delete_note`), /Ask an admin\./)
      t.equal(await forBob.call(`${upstream}_read_note`), 'did read_note')
    }
  }
})

t.test('keys, machines and agents have what their person, or they themselves, are allowed', async (t) => {
  const running = await scene(t, ['modern'])
  const { db, origin } = running
  const at = `${origin}/mcp`
  const alice = await running.db
    .selectFrom('users')
    .selectAll()
    .where('email', '=', ALICE)
    .executeTakeFirstOrThrow()
  const bob = await running.db
    .selectFrom('users')
    .selectAll()
    .where('email', '=', BOB)
    .executeTakeFirstOrThrow()
  const keyOf = async (userId: typeof alice.id) =>
    (await createKey(db, { name: 'key', userId, scopes: new Set(['notes0']), expiresInSeconds: 60 })).key
  t.equal(await (await startV2(at, await keyOf(alice.id))).call('delete_note'), 'did delete_note')
  await t.rejects((await startV2(at, await keyOf(bob.id))).call('delete_note'), /Ask an admin\./)

  const agent = await createOperatorClient(running, {
    grants: [EXCHANGE, 'client_credentials'],
    scope: 'notes0',
  })
  const own = await client.clientCredentialsGrant(agent.configuration, { resource: at })
  t.notOk('groups' in claimsOf(own.access_token), 'a machine is in no group')
  t.equal(
    await (await startV2(at, own.access_token)).call('delete_note'),
    'did delete_note',
    'its id is allowed',
  )
  const passedOn = await client.genericGrantRequest(agent.configuration, EXCHANGE, {
    subject_token: await tokenOf(running, ALICE, 'notes0'),
    subject_token_type: ACCESS_TOKEN,
  })
  t.match(claimsOf(passedOn.access_token), { groups: ['admins'], sub: alice.id })
})
