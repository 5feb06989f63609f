// Owns the proof that clients of both eras work with upstreams of every kind: programs, HTTP+SSE, HTTP APIs, several endpoints.

import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import t, { type Test } from 'tap'
import { createLocalMailbox } from '../../../src/mcp/mailbox.ts'
import type { UpstreamSettings } from '../../../src/upstreams/settings.ts'
import { createToolCatalogue } from '../../../src/upstreams/tools.ts'
import { startEverythingServer } from '../../support/everything-server.ts'
import { openLinks } from '../../support/links.ts'
import { programSettings, running, script, server } from '../../support/programs/program-upstream.ts'
import { startShop } from '../../support/shop-api.ts'
import { startSseServer } from '../../support/sse-server.ts'
import { until } from '../../support/until.ts'
import { call, errorOf, type Stage, send, setStage } from '../stage.ts'
import { connectV1 } from './legacy-stage.ts'

type Settings = UpstreamSettings extends infer Each
  ? Each extends unknown
    ? Omit<Each, 'name' | 'title'>
    : never
  : never

async function stageWith(t: Test, settings: Settings) {
  const mailbox = createLocalMailbox()
  const written: string[] = []
  const programLog = { wrote: (_: string, line: string) => void written.push(line), died: () => undefined }
  const links = openLinks(t, { mailbox, programLog })
  const { toolsOf } = createToolCatalogue({
    peerOf: links.peerOf,
    report: (error) => t.fail(String(error)),
  })
  const upstream = { ...settings, name: 'notes', title: 'Notes' }
  return { ...(await setStage(t, [upstream], { links, mailbox, toolsOf })), links }
}

async function connectV2(t: Test, stage: Stage, mode: 'legacy' | { pin: string }, sub = 'usr_alice') {
  const client = new ClientV2(
    { name: 'v2', version: '1' },
    { versionNegotiation: { mode }, capabilities: { elicitation: { form: {} } } },
  )
  client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { name: 'Ann' } }))
  const requestInit = { headers: { authorization: `Bearer ${await stage.token({ sub })}` } }
  await client.connect(new TransportV2(new URL('/mcp/notes', stage.origin), { requestInit }))
  t.teardown(() => client.close())
  return client
}

async function connectOld(t: Test, stage: Stage) {
  const client = new ClientV1({ name: 'v1', version: '1' }, { capabilities: { elicitation: {} } })
  client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { name: 'Ann' } }))
  await connectV1(t, stage, client)
  return client
}

/** One of each era and of each generation. */
async function clients(t: Test, stage: Stage) {
  return [
    await connectOld(t, stage),
    await connectV2(t, stage, 'legacy'),
    await connectV2(t, stage, { pin: '2026-07-28' }),
  ]
}

const HELLO = { name: 'hello', arguments: { name: 'Ann' } }

async function greets(t: Test, settings: Settings): Promise<void> {
  const stage = await stageWith(t, settings)
  for (const client of await clients(t, stage)) {
    const { tools } = await client.listTools()
    t.ok(tools.some(({ name }) => name === 'hello'))
    t.match(await client.callTool(HELLO), { content: [{ text: /^Hello Ann/ }] })
  }
  const token = await stage.token({ scope: 'notes:read' })
  const reading = await send(stage, { token, body: call('tools/call', HELLO) })
  t.not(reading.status, 403)
  const writing = await send(stage, { token, body: call('tools/call', { name: 'ask' }) })
  t.equal(writing.status, 403)
  t.same(stage.errors, [])
}

t.test('a program on the SDK v1', (t) => greets(t, programSettings(server('v1-server'))))
t.test('a program on the SDK v2', (t) => greets(t, programSettings(server('v2-server'))))
t.test('a program that everybody shares', (t) =>
  greets(t, programSettings({ ...server('v1-server'), shared: true })),
)

t.test('an upstream of 2024-11-05', async (t) => {
  const old = await startSseServer()
  t.teardown(() => old.close())
  await greets(t, { kind: 'sse', url: old.url, headers: { 'x-api-key': 'k' } })
  t.ok(old.seen.length > 0 && old.seen.every(({ headers }) => headers['x-api-key'] === 'k'))
})

t.test(
  'what a program or an old upstream asks in the middle of a call is answered by the client',
  async (t) => {
    const old = await startSseServer()
    t.teardown(() => old.close())
    const kinds: readonly Settings[] = [
      programSettings(server('v1-server')),
      { kind: 'sse', url: old.url, headers: {} },
    ]
    for (const settings of kinds) {
      const stage = await stageWith(t, settings)
      for (const client of await clients(t, stage)) {
        const answer = await client.callTool({ name: 'ask', arguments: {} })
        t.match(answer, { content: [{ text: /"accept".*"Ann"/ }] })
      }
    }
  },
)

t.test('an HTTP API', async (t) => {
  const shop = await startShop(t)
  const api = { url: null, headers: {}, operations: [], writes: true }
  const stage = await stageWith(t, { kind: 'openapi', document: `${shop.origin}/openapi`, ...api })
  for (const client of await clients(t, stage)) {
    const { tools } = await client.listTools()
    t.same(
      tools.map(({ name }) => name),
      ['getPet', 'get_search', 'probe', 'note', 'form'],
    )
    const pet = await client.callTool({ name: 'getPet', arguments: { petId: 'a b' } })
    t.match(pet, { structuredContent: { method: 'GET', target: '/v1/pets/a%20b' } })
    t.match(await client.callTool({ name: 'getPet', arguments: { petId: '..' } }), { isError: true })
  }
  const token = await stage.token({ scope: 'notes:read' })
  const allowed = await send(stage, {
    token,
    body: call('tools/call', { name: 'getPet', arguments: { petId: '1' } }),
  })
  t.not(allowed.status, 403)
  t.equal((await send(stage, { token, body: call('tools/call', { name: 'note' }) })).status, 403)
})

t.test('several endpoints, one of which is not there, that speak the other era', async (t) => {
  for (const era of ['legacy', 'modern'] as const) {
    const [one, two] = [
      await startEverythingServer({ eras: new Set([era]) }),
      await startEverythingServer({ eras: new Set([era]) }),
    ]
    t.teardown(() => Promise.all([one.close(), two.close()]))
    const stage = await stageWith(t, {
      url: 'http://127.0.0.1:9/mcp',
      otherUrls: [one.url, two.url],
      headers: {},
    })
    for (const client of await clients(t, stage)) {
      for (let at = 0; at < 6; at++)
        t.match(await client.callTool({ name: 'test_simple_text', arguments: {} }), {
          content: [{ type: 'text' }],
        })
    }
    const token = await stage.token({ scope: 'notes:read' })
    t.equal((await send(stage, { token, body: call('tools/call', { name: 'unknown' }) })).status, 403)
  }
})

t.test(
  'each person has a process of their own, unless they share one, and none is left at the end',
  async (t) => {
    for (const shared of [false, true]) {
      const mark = `mark-${process.pid}-${shared}`
      const { command = '', args = [] } = server('v1-server')
      const stage = await stageWith(t, programSettings({ command, args: [...args, mark], shared }))
      for (const sub of ['usr_alice', 'usr_bob', 'usr_carol']) {
        const client = await connectV2(t, stage, { pin: '2026-07-28' }, sub)
        t.match(await client.callTool(HELLO), { content: [{ text: /^Hello Ann/ }] })
      }
      t.equal(running(mark), shared ? 1 : 3)
      await stage.links.close()
      t.equal(running(mark), 0)
    }
  },
)

t.test('a program that ends at a question of the other era is started again for the same call', async (t) => {
  const { command = '', args = [] } = server('v1-server')
  const dies = 'read line; case "$line" in *server/discover*) exit 1;; esac; (echo "$line"; exec cat) | "$@"'
  const stage = await stageWith(t, programSettings(script(dies, command, ...args)))
  const client = await connectV2(t, stage, { pin: '2026-07-28' })
  t.match(await client.callTool(HELLO), { content: [{ text: /^Hello Ann/ }] })
})

t.test('a program that crashes in a call is started again for the next', async (t) => {
  const stage = await stageWith(t, programSettings(server('v1-server')))
  const client = await connectV2(t, stage, { pin: '2026-07-28' })
  await t.rejects(client.callTool({ name: 'crash', arguments: {} }))
  await until('it is back', () => client.callTool(HELLO).then(Boolean, () => false))
})

t.test(
  'a program that cannot be started, and one that is no MCP server, are told apart from a refusal',
  async (t) => {
    for (const settings of [{ command: '/does/not/exist' }, { command: 'false' }, { command: 'yes' }]) {
      const stage = await stageWith(t, programSettings(settings))
      const answer = await send(stage, { token: await stage.token(), body: call('tools/list') })
      t.ok(answer.status >= 400, `${settings.command}: ${answer.status}`)
      t.match(errorOf(answer), { message: /./ })
    }
  },
)
