// Owns the proof that at the aggregate each upstream is guarded as it is at its own address.

import t from 'tap'
import { call, modern, send } from '../stage.ts'
import { ask, clientAt, demoAt, setTown, type Town } from './town.ts'

async function homeAndWork(t: Parameters<typeof demoAt>[0]): Promise<Town> {
  return setTown(t, [await demoAt(t, 'home'), await demoAt(t, 'work')])
}

const write = (upstream: string) =>
  modern('tools/call', { name: `${upstream}_add_note`, arguments: { text: 'x' } })
const read = (upstream: string) => modern('tools/call', { name: `${upstream}_list_notes` })

t.test('what the token does not cover is refused, naming the scope of the upstream concerned', async (t) => {
  const town = await homeAndWork(t)
  const claims = { scope: 'home work:read' }
  t.equal((await ask(town, { claims, ...write('home') })).status, 200)
  t.equal((await ask(town, { claims, ...read('work') })).status, 200)
  const refused = await ask(town, { claims, ...write('work') })
  t.equal(refused.status, 403)
  t.match(refused.headers['www-authenticate'], 'error="insufficient_scope"')
  t.match(refused.headers['www-authenticate'], 'scope="home work"', 'and what is granted stays')
  t.match(refused.headers['www-authenticate'], '/.well-known/oauth-protected-resource/mcp"')
  t.match(town.events.at(-1), { upstream: 'work', tool: 'add_note', outcome: 'refused', reason: 'scope' })
})

t.test(
  'of an upstream of which nothing was granted nothing is shown, and a call says what to ask for',
  async (t) => {
    const town = await homeAndWork(t)
    const claims = { scope: 'home:read' }
    const { json } = await ask(town, { claims, ...modern('tools/list') })
    t.match(JSON.stringify(json), 'home_add_note', 'what a step-up would open is there')
    t.notMatch(JSON.stringify(json), 'work_')
    const refused = await ask(town, { claims, ...read('work') })
    t.equal(refused.status, 403)
    t.match(refused.headers['www-authenticate'], 'scope="home:read work:read"')
    for (const method of ['resources/list', 'prompts/list', 'server/discover'])
      t.notMatch(JSON.stringify((await ask(town, { claims, ...modern(method) })).json), 'work')
    const resource = modern('resources/read', { uri: 'mcp+work+demo://about' })
    t.equal((await ask(town, { claims, ...resource })).status, 403)
    t.equal((await ask(town, { claims: { scope: 'work:read' }, ...resource })).status, 200)
    const listen = modern('subscriptions/listen', {
      notifications: { resourceSubscriptions: ['mcp+work+demo://notes'] },
    })
    t.equal((await ask(town, { claims, ...listen })).status, 403)
  },
)

t.test('a batch is told everything that it needs at once', async (t) => {
  const town = await homeAndWork(t)
  const token = await town.pass({ scope: 'home:read' })
  const headers = { 'mcp-protocol-version': '2025-03-26' }
  const body = [
    call('tools/call', { name: 'home_add_note', arguments: { text: 'x' } }, 1),
    call('tools/call', { name: 'work_list_notes' }, 2),
    call('tools/call', { name: 'home_list_notes' }, 3),
  ]
  const { status, headers: answered } = await send(town, { path: '/mcp', token, headers, body })
  t.equal(status, 403)
  t.match(answered['www-authenticate'], 'scope="home work:read"')
})

t.test('a token without a scope here gets nothing, and one for another resource neither', async (t) => {
  const town = await homeAndWork(t)
  const nothing = await ask(town, { claims: { scope: 'openid' }, ...modern('tools/list') })
  t.equal(nothing.status, 403)
  t.match(nothing.headers['www-authenticate'], 'scope="home:read work:read"')
  const own = modern('tools/call', { name: 'whoami' })
  t.equal((await ask(town, { claims: { scope: 'openid' }, ...own })).status, 403)
  t.equal((await ask(town, { claims: { scope: 'work:read' }, ...own })).status, 200)
  const aud = 'https://gate.example/mcp/home'
  t.equal((await ask(town, { claims: { aud }, ...own })).status, 401)
})

t.test('new tools are held here as well, where the operator wants that', async (t) => {
  const upstreams = [{ ...(await demoAt(t, 'home')), holdNewTools: true }, await demoAt(t, 'work')]
  const tool = { name: 'add_note', title: null, readOnly: false, destructive: false, since: 2000 }
  const town = await setTown(t, upstreams, { toolsOf: async () => new Map([[tool.name, tool]]) })
  const status = async (upstream: string, consented_at: number) =>
    (await ask(town, { claims: { consented_at }, ...write(upstream) })).status
  t.equal(await status('home', 1000), 403)
  t.equal(await status('home', 3000), 200)
  t.equal(await status('work', 1000), 200)
})

t.test('the own tools say who asks, what there is and how it stands, and change nothing', async (t) => {
  const town = await setTown(
    t,
    [
      await demoAt(t, 'home'),
      await demoAt(t, 'work'),
      { name: 'gone', title: 'Gone', url: 'http://127.0.0.1:9/mcp', headers: {} },
    ],
    { emailOf: async ({ subject }) => (subject === 'usr_alice' ? 'alice@example.com' : null) },
  )
  const client = await clientAt(t, town, { scope: 'home work:read gone:read' })
  const { tools } = await client.listTools()
  for (const name of ['list_upstreams', 'upstream_status', 'whoami'])
    t.match(
      tools.find((tool) => tool.name === name),
      { annotations: { readOnlyHint: true, destructiveHint: false } },
    )
  const say = async (name: string, args: Record<string, unknown> = {}) =>
    (await client.callTool({ name, arguments: args })).structuredContent
  t.match(await say('whoami'), {
    account: 'usr_alice',
    email: 'alice@example.com',
    client: 'client-1',
    scopes: ['home', 'work:read', 'gone:read'],
    resource: 'https://gate.example/mcp',
    expiresAt: /^20/,
  })
  t.match(await say('list_upstreams'), {
    upstreams: [
      { name: 'home', title: 'HOME', address: 'https://gate.example/mcp/home', access: 'everything' },
      { name: 'work', access: 'some', granted: ['work:read'], scopes: ['work', 'work:read'] },
      { name: 'gone' },
    ],
  })
  t.match(await say('upstream_status'), {
    upstreams: [
      { name: 'home', status: 'up', server: { name: 'gatehouse-demo' } },
      { name: 'work', status: 'up' },
      { name: 'gone', status: 'down', reason: 'unreachable' },
    ],
  })
  t.match(await say('upstream_status', { upstream: 'work' }), { upstreams: [{ name: 'work', status: 'up' }] })
  t.match(await say('upstream_status', { upstream: 'other' }), { upstreams: [] })
})

t.test('an upstream cannot take the name of a tool of ours', async (t) => {
  const town = await setTown(t, [await demoAt(t, 'list'), await demoAt(t, 'upstream')])
  const client = await clientAt(t, town)
  const names = (await client.listTools()).tools.map(({ name }) => name)
  t.equal(new Set(names).size, names.length)
  t.match((await client.callTool({ name: 'list_upstreams' })).structuredContent, {
    upstreams: [{ name: 'list' }, { name: 'upstream' }],
  })
})
