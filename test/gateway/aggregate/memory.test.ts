// Owns the proof that what is put together out of several servers asks them no more often than they want to be asked, and that
// nobody is shown what was somebody else's.

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t, { type Test } from 'tap'
import { loadConfig } from '../../../src/config/config.ts'
import type { GatewayNeeds } from '../../../src/gateway/gateway.ts'
import { createLocalMailbox } from '../../../src/mcp/mailbox.ts'
import { createStandingPolicy } from '../../../src/oauth/standing-policy.ts'
import { ConnectFirst, type CredentialFor } from '../../../src/upstreams/credentials.ts'
import type { UpstreamSettings } from '../../../src/upstreams/settings.ts'
import { events, json, startHostileUpstream } from '../../support/hostile-upstream.ts'
import { openLinks } from '../../support/links.ts'
import { until } from '../../support/until.ts'
import { type Claims, MODERN, modern, open, type Sent } from '../stage.ts'
import { ask, setTown, type Town } from './town.ts'

/** Of a result, beside what is in it. */
type Hints = Readonly<Record<string, unknown>>

const PUBLIC: Hints = { ttlMs: 60_000, cacheScope: 'public' }
const PRIVATE: Hints = { ttlMs: 60_000, cacheScope: 'private' }
const BOB = { sub: 'usr_bob', client_id: 'client-2', gid: 'grant-2' }

/** A server of 2026-07-28 that numbers its answers, and says of them what a test wants. */
async function numbering(t: Test, name: string, hints: Hints = PUBLIC) {
  const upstream = await startHostileUpstream(t)
  const told = { hints, discovery: hints, listening: (_: string): void => undefined }
  const asked = new Map<string, number>()
  upstream.answer((arrival, res) => {
    const { id, method } = JSON.parse(arrival.body)
    const times = (asked.get(method) ?? 0) + 1
    asked.set(method, times)
    if (method === 'subscriptions/listen') {
      events(res)
      const acknowledged = {
        method: 'notifications/subscriptions/acknowledged',
        params: { notifications: { toolsListChanged: true } },
      }
      res.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...acknowledged })}\n\n`)
      told.listening = (each) =>
        void res.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method: each })}\n\n`)
      return
    }
    json(res, 200, {
      jsonrpc: '2.0',
      id,
      result: { resultType: 'complete', ...resultOf(method, times, told) },
    })
  })
  const settings: UpstreamSettings = { name, title: name, url: upstream.url, headers: {} }
  return { settings, told, close: upstream.close, times: (method: string) => asked.get(method) ?? 0 }
}

function resultOf(method: string, times: number, told: { hints: Hints; discovery: Hints }): object {
  const named = [{ name: `no_${times}`, inputSchema: { type: 'object' } }]
  if (method === 'server/discover') {
    const capabilities = { tools: { listChanged: true }, prompts: {}, resources: {} }
    return { supportedVersions: [MODERN], capabilities, instructions: `Word ${times}.`, ...told.discovery }
  }
  if (method === 'tools/list') return { tools: named, ...told.hints }
  if (method === 'prompts/list') return { prompts: [{ name: `no_${times}` }], ...told.hints }
  if (method === 'resources/read')
    return { contents: [{ uri: 'note://1', text: `no_${times}` }], ...told.hints }
  return { content: [{ type: 'text', text: `no_${times}` }] }
}

const MEMORY: Partial<GatewayNeeds> = { answerCacheBytes: 1024 * 1024 }

async function scene(t: Test, hints?: Hints, needs: Partial<GatewayNeeds> = {}) {
  const [a, b] = [await numbering(t, 'a', hints), await numbering(t, 'b', hints)]
  const town = await setTown(t, [a.settings, b.settings], { ...MEMORY, ...needs })
  return { a, b, town }
}

const list = modern('tools/list')

/** Which answers of which server a list was made of. */
async function shown(town: Town, claims: Claims = {}, sent: Sent = list): Promise<string> {
  const { json: answer } = await ask(town, { claims, ...sent })
  return (JSON.stringify(answer).match(/"[ab]_no_\d+"/g) ?? []).join(' ').replaceAll('"', '')
}

t.test('a public list is asked for once, and everybody who may gets it', async (t) => {
  const { a, b, town } = await scene(t)
  for (const claims of [{}, BOB, {}]) t.equal(await shown(town, claims), 'a_no_1 b_no_1')
  t.equal(await shown(town, { scope: 'b' }), 'b_no_1', 'each sees what is of the servers they may use')
  t.same([a.times('tools/list'), b.times('tools/list')], [1, 1])
  t.equal(await shown(town, {}, modern('prompts/list')), 'a_no_1 b_no_1')
  town.revoked.add('grant-2')
  t.equal((await ask(town, { claims: BOB, ...list })).status, 401)
  t.match((await ask(town, modern('tools/call', { name: 'a_no_1' }))).json, { result: { content: [{}] } })
})

t.test('what one caller’s baggage makes of a list is not for those who have another', async (t) => {
  const { a, town } = await scene(t)
  const withBaggage = (baggage: string) => ({ ...list, headers: { ...list.headers, baggage } })
  t.equal(await shown(town, BOB, withBaggage('tenant=bob')), 'a_no_1 b_no_1')
  t.equal(await shown(town), 'a_no_2 b_no_2')
  t.equal(await shown(town, {}, withBaggage('tenant=bob')), 'a_no_1 b_no_1')
  t.equal(a.times('tools/list'), 2)
})

t.test('clients of the sessions of 2025 get it from memory as well', async (t) => {
  const { a, town } = await scene(t)
  for (const claims of [{}, BOB]) {
    const client = new Client({ name: 'session', version: '1' })
    const headers = { authorization: `Bearer ${await town.pass(claims)}` }
    await client.connect(
      new StreamableHTTPClientTransport(new URL('/mcp', town.origin), { requestInit: { headers } }),
    )
    t.teardown(() => client.close())
    t.match((await client.listTools()).tools.at(-1), { name: 'b_no_1' })
  }
  t.equal(a.times('tools/list'), 1)
})

t.test('a private list is for the same person, app and grant', async (t) => {
  const { a, town } = await scene(t, PRIVATE)
  for (const _ of [1, 2]) {
    t.equal(await shown(town), 'a_no_1 b_no_1')
    t.equal(await shown(town, BOB), 'a_no_2 b_no_2')
  }
  t.equal(await shown(town, { ...BOB, gid: 'grant-3' }), 'a_no_3 b_no_3')
  t.equal(a.times('tools/list'), 3)
})

t.test('it says how long it is still good, as the oldest part is, and then it is asked for', async (t) => {
  const { a, b, town } = await scene(t)
  b.told.hints = { ...PUBLIC, ttlMs: 30_000 }
  t.match((await ask(town, list)).json, { result: { ttlMs: 30_000, cacheScope: 'private' } })
  town.clock.ahead = 20_000
  const { json: answer } = await ask(town, list)
  const left = Number(/"ttlMs":(\d+)/.exec(JSON.stringify(answer))?.[1])
  t.ok(left > 0 && left <= 10_000, String(left))
  town.clock.ahead = 30_000
  t.equal(await shown(town), 'a_no_1 b_no_2')
  t.same([a.times('tools/list'), b.times('tools/list')], [1, 2])
})

t.test('what may not be kept, and whoever wants it from there, is asked for each time', async (t) => {
  for (const hints of [{}, { ...PUBLIC, ttlMs: 0 }, { ttlMs: 1000 }]) {
    const { town } = await scene(t, hints)
    t.equal(await shown(town), 'a_no_1 b_no_1')
    t.equal(await shown(town), 'a_no_2 b_no_2', JSON.stringify(hints))
  }
  const { a, town } = await scene(t)
  const fresh = { ...list, headers: { ...list.headers, 'cache-control': 'no-cache' } }
  t.equal(await shown(town), 'a_no_1 b_no_1')
  t.equal(await shown(town, {}, fresh), 'a_no_2 b_no_2')
  t.equal(await shown(town), 'a_no_2 b_no_2', 'and what it got is kept')
  const read = { uri: 'mcp+a+note://1' }
  for (const _ of [1, 2]) await ask(town, modern('resources/read', read))
  t.equal(a.times('resources/read'), 1)
  for (const more of [{ inputResponses: {} }, { requestState: 'x' }])
    await ask(town, modern('resources/read', { ...read, ...more }))
  t.equal(a.times('resources/read'), 3, 'a retry goes there')
  for (const _ of [1, 2]) await ask(town, modern('tools/call', { name: 'a_no_1', arguments: {} }))
  t.equal(a.times('tools/call'), 2)
})

t.test('what a server says has changed is asked for again, on every replica', async (t) => {
  const mailbox = createLocalMailbox()
  const { a, b, town } = await scene(t, PUBLIC, { mailbox })
  const other = await setTown(t, [a.settings, b.settings], { ...MEMORY, mailbox })
  for (const each of [town, other]) await shown(each)
  t.equal(a.times('tools/list'), 2)
  const listening = await open(town, {
    path: '/mcp',
    token: await town.pass(),
    ...modern('subscriptions/listen', { notifications: { toolsListChanged: true } }),
  })
  let heard = ''
  listening.on('data', (chunk: Buffer) => {
    heard += chunk
  })
  await until('it listens', () => a.times('subscriptions/listen') === 1 && heard.includes('acknowledged'))
  a.told.listening('notifications/tools/list_changed')
  await until('the client hears of it', () => heard.includes('list_changed'))
  t.equal(await shown(town), 'a_no_3 b_no_1', 'of the other server it is still good')
  await until('the other one heard', async () => (await shown(other)) !== 'a_no_2 b_no_2')
  t.equal(await shown(other), 'a_no_4 b_no_2')
  listening.destroy()
})

t.test(
  'what the policy hides is hidden from whom it concerns, with a list that is asked for once',
  async (t) => {
    const { policy } = loadConfig({
      UPSTREAMS: '{"a": {"url": "http://a/mcp"}}',
      POLICY: JSON.stringify({
        rules: [
          { upstream: 'a', groups: ['admins'], effect: 'allow' },
          { upstream: 'a', tools: ['no_*'], effect: 'deny' },
        ],
      }),
    })
    const { a, town } = await scene(t, PUBLIC, { policy: createStandingPolicy(policy) })
    for (const _ of [1, 2]) {
      t.equal(await shown(town, { groups: ['admins'] }), 'a_no_1 b_no_1')
      t.equal(await shown(town), 'b_no_1')
    }
    t.equal(a.times('tools/list'), 1)
  },
)

t.test('where people have logins of their own nothing is shared, nor shown to who logged out', async (t) => {
  const a = await numbering(t, 'a')
  const auth = { type: 'api-key', header: 'x-key', prefix: '', hint: null } as const
  const loggedIn = new Set(['usr_alice', 'usr_bob'])
  const credentialFor: CredentialFor = ({ subject }, upstream) => {
    if (upstream.name !== 'a') return { kind: 'none' }
    if (!loggedIn.has(subject)) throw new ConnectFirst(upstream, false)
    return { kind: 'header', name: 'x-key', value: subject }
  }
  const links = openLinks(t, { credentialFor })
  const settings = [{ ...a.settings, auth }, (await numbering(t, 'b')).settings]
  const town = await setTown(t, settings, { ...MEMORY, links, credentialFor })
  for (const _ of [1, 2]) {
    t.equal(await shown(town), 'a_no_1 b_no_1')
    t.equal(await shown(town, BOB), 'a_no_2 b_no_1')
  }
  loggedIn.delete('usr_alice')
  t.equal(await shown(town), 'b_no_1')
  t.equal(await shown(town, BOB), 'a_no_2 b_no_1')
  loggedIn.add('usr_alice')
  t.equal(await shown(town), 'a_no_1 b_no_1')
})

t.test('a server that is away is still in the lists, for as long as it said', async (t) => {
  const { b, town } = await scene(t)
  await shown(town)
  await b.close()
  t.equal(await shown(town), 'a_no_1 b_no_1')
  town.clock.ahead = 60_000
  t.equal(await shown(town), 'a_no_2')
})

t.test('a server that was configured anew is another one', async (t) => {
  const { a, b, town } = await scene(t)
  await shown(town)
  town.registry.replace([a.settings, { ...b.settings, title: 'Other' }])
  await shown(town)
  t.same([a.times('tools/list'), b.times('tools/list')], [1, 2])
})

t.test(
  'what servers say of themselves is good for as long as they say, and their state is not',
  async (t) => {
    const { a, town } = await scene(t)
    const discover = async (claims: Claims = {}) =>
      JSON.stringify((await ask(town, { claims, ...modern('server/discover') })).json)
    const first = await discover()
    t.match(first, '"ttlMs":60000')
    const times = a.times('server/discover')
    t.equal(await discover(BOB).then((text) => text.replace(/"ttlMs":\d+/, '"ttlMs":60000')), first)
    t.equal(a.times('server/discover'), times)
    await ask(town, modern('tools/call', { name: 'upstream_status', arguments: {} }))
    t.equal(a.times('server/discover'), times + 1, 'whether it answers is asked of itself')
    a.told.discovery = { ...PUBLIC, ttlMs: 1000 }
    town.clock.ahead = 60_000
    t.match(await discover(), '"ttlMs":1000')
    t.equal(a.times('server/discover'), times + 2)
  },
)

t.test('a tool that one replica has shown can be called at another, whose memory is older', async (t) => {
  const { a, b, town } = await scene(t)
  await shown(town)
  const long = `no.${'x'.repeat(60)}`
  const other = await setTown(t, [a.settings, b.settings], MEMORY)
  a.told.hints = { ...PUBLIC, tools: [{ name: long, inputSchema: { type: 'object' } }] }
  const { json: answer } = await ask(other, list)
  const name = /"(a_no_[x]+--[0-9a-f]{10})"/.exec(JSON.stringify(answer))?.[1] ?? ''
  t.not(name, '')
  const called = await ask(town, modern('tools/call', { name, arguments: {} }))
  t.match(called.json, { result: { content: [{ text: 'no_1' }] } })
})
