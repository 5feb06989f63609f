// Owns the proof that answers are given again only where the upstream allows it, to whom it allows it, for as long as it does.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { loadConfig } from '../../src/config/config.ts'
import type { GatewayNeeds } from '../../src/gateway/gateway.ts'
import { createLocalMailbox } from '../../src/mcp/mailbox.ts'
import { createStandingPolicy } from '../../src/oauth/standing-policy.ts'
import { ConnectFirst } from '../../src/upstreams/credentials.ts'
import { events, json, startHostileUpstream } from '../support/hostile-upstream.ts'
import { serveMcp } from './mcp-upstream.ts'
import { type Claims, call, MODERN, modern, open, type Sent, send, setStage, until } from './stage.ts'

type Answering = (request: Request) => object

interface Request {
  readonly id: unknown
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
}

const HINTS = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'public' }

/** An upstream that counts what it is asked, and says which answer this is. */
async function counting(t: Test, result: Answering = () => HINTS) {
  const upstream = await startHostileUpstream(t)
  const asked = { times: 0, result }
  upstream.answer((arrival, res) => {
    const request: Request = JSON.parse(arrival.body)
    const given = asked.result(request)
    const answer = 'error' in given ? given : { result: { tools: [], answer: ++asked.times, ...given } }
    json(res, 200, { jsonrpc: '2.0', id: request.id, ...answer })
  })
  return { upstream, asked }
}

async function scene(t: Test, result?: Answering, needs: Partial<GatewayNeeds> = {}) {
  const { upstream, asked } = await counting(t, result)
  const stage = await setStage(t, [{ url: upstream.url }], { answerCacheBytes: 1024 * 1024, ...needs })
  const ask = async (claims: Claims = {}, sent: Sent = modern('tools/list')) => {
    const { status, json: answer } = await send(stage, { token: await stage.token(claims), ...sent })
    return { status, ...answer }
  }
  return { upstream, asked, stage, ask }
}

const BOB = { sub: 'usr_bob', client_id: 'client-2', gid: 'grant-2' }

t.test(
  'a public list is asked for once, and everybody who may gets it under the id of the request',
  async (t) => {
    const { asked, stage, ask } = await scene(t)
    t.match(await ask(), { id: 1, result: { answer: 1, cacheScope: 'public' } })
    t.match(await ask(BOB, modern('tools/list', {}, 'x"y')), { id: 'x"y', result: { answer: 1 } })
    t.equal(asked.times, 1)
    t.match(stage.events.at(-1), {
      outcome: 'answered',
      status: 200,
      method: 'tools/list',
      subject: 'usr_bob',
    })
    t.equal((await ask({ scope: 'other' })).status, 403, 'who may not ask learns nothing')
    stage.revoked.add('grant-2')
    t.equal((await ask(BOB)).status, 401)
    t.equal((await send(stage, modern('tools/list'))).status, 401)
    t.equal(asked.times, 1)
  },
)

t.test('what is private is for the same person, app, grant, scopes and groups', async (t) => {
  const { asked, ask } = await scene(t, () => ({ ...HINTS, cacheScope: 'private' }))
  t.match(await ask(), { result: { answer: 1 } })
  t.match(await ask(), { result: { answer: 1 } })
  const others: readonly Claims[] = [
    { sub: 'usr_bob' },
    { client_id: 'client-2' },
    { gid: 'grant-2' },
    { scope: 'notes:read' },
    { groups: ['admins'] },
  ]
  for (const [at, other] of others.entries()) t.match(await ask(other), { result: { answer: at + 2 } })
  t.match(await ask({ iat: Math.floor(Date.now() / 1000) - 5 }), { result: { answer: 1 } }, 'a renewed token')
  t.equal(asked.times, 6)
})

t.test(
  'what an upstream showed to somebody whom it knows is for nobody else, even if it says so',
  async (t) => {
    const { upstream, asked } = await counting(t)
    const identity = {
      type: 'identity',
      header: 'x-user',
      prefix: '',
      audience: null,
      ttlSeconds: 60,
    } as const
    const answersTo = async (auth: typeof identity | null) => {
      asked.times = 0
      const stage = await setStage(t, [{ url: upstream.url, auth }], {
        answerCacheBytes: 65_536,
        credentialFor: async ({ subject }) => ({ kind: 'header', name: 'x-user', value: subject }),
      })
      const ask = async (claims: Claims) =>
        (await send(stage, { token: await stage.token(claims), ...modern('tools/list') })).json
      return [await ask({}), await ask(BOB), await ask({}), await ask(BOB)]
    }
    t.match(
      await answersTo(identity),
      [1, 2, 1, 2].map((answer) => ({ result: { answer } })),
    )
    t.match(
      await answersTo(null),
      [1, 1, 1, 1].map((answer) => ({ result: { answer } })),
    )
  },
)

t.test('who logged out at an upstream gets nothing of it from memory, until the next login', async (t) => {
  const { upstream, asked } = await counting(t)
  const auth = { type: 'api-key', header: 'x-key', prefix: '', hint: null } as const
  const login = { isThere: true }
  const stage = await setStage(t, [{ url: upstream.url, auth }], {
    answerCacheBytes: 65_536,
    async credentialFor(_, wanting) {
      if (!login.isThere) throw new ConnectFirst(wanting, false)
      return { kind: 'header', name: 'x-key', value: 'hers' }
    },
  })
  const ask = async () => (await send(stage, { token: await stage.token(), ...modern('tools/list') })).json
  for (const _ of [1, 2]) t.match(await ask(), { result: { answer: 1 } })
  login.isThere = false
  t.equal((await ask()).result, undefined)
  login.isThere = true
  t.match(await ask(), { result: { answer: 1 } })
  t.equal(asked.times, 1)
})

t.test('it lives as long as it was given, and says how long that still is', async (t) => {
  const { stage, ask } = await scene(t)
  await ask()
  stage.clock.ahead = 59_000
  const { result } = { result: {}, ...(await ask(BOB)) }
  t.match(result, { answer: 1 })
  const left = 'ttlMs' in result ? Number(result.ttlMs) : 0
  t.ok(left > 0 && left <= 1000, String(left))
  stage.clock.ahead = 60_000
  t.match(await ask(), { result: { answer: 2, ttlMs: 60_000 } })
})

t.test('a number that is none of JavaScript’s is the same from memory', async (t) => {
  const upstream = await startHostileUpstream(t)
  const body =
    '{"jsonrpc":"2.0","id":1,"result":{"n":9223372036854775807,"ttlMs":9000,"cacheScope":"public","resultType":"complete"}}'
  upstream.answer((_, res) => res.writeHead(200, { 'content-type': 'application/json' }).end(body))
  const stage = await setStage(t, [{ url: upstream.url }], { answerCacheBytes: 65_536 })
  const ask = async () => (await send(stage, { token: await stage.token(), ...modern('tools/list') })).text
  t.equal(await ask(), body)
  t.match(await ask(), '"n":9223372036854775807')
  t.equal(upstream.arrivals.length, 1)
})

t.test('what the upstream does not let be kept is asked for each time', async (t) => {
  const table: Readonly<Record<string, object>> = {
    'no time to live': { ...HINTS, ttlMs: 0 },
    'a negative one': { ...HINTS, ttlMs: -1 },
    'no hints': { resultType: 'complete' },
    'no scope': { resultType: 'complete', ttlMs: 1000 },
    'a question': { ...HINTS, resultType: 'input_required' },
    'an error': { error: { code: -32603, message: 'no' } },
  }
  for (const [what, result] of Object.entries(table)) {
    const { upstream, ask } = await scene(t, () => result)
    for (let times = 1; times <= 3; times++) {
      await ask()
      t.equal(upstream.arrivals.length, times, what)
    }
  }
  const { upstream, ask } = await scene(t)
  upstream.answer((arrival, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(arrival.body).id, result: HINTS })}\n\n`)
  })
  for (const _ of [1, 2]) await ask()
  t.equal(upstream.arrivals.length, 2, 'a stream')
})

t.test('only the same question has the same answer', async (t) => {
  const { asked, ask } = await scene(t)
  const meta = (more: object) => {
    const { body, headers } = modern('tools/list')
    const params = Reflect.get(body, 'params')
    return { headers, body: { ...body, params: { ...params, _meta: { ...params._meta, ...more } } } }
  }
  const withHeader = (name: string, value: string): Sent => {
    const { body, headers } = modern('tools/list')
    return { body, headers: { ...headers, [name]: value } }
  }
  await ask()
  t.match(await ask({}, withHeader('traceparent', '00-1')), { result: { answer: 1 } })
  t.match(await ask({}, meta({ progressToken: 7, traceparent: '00-1' })), { result: { answer: 1 } })
  t.match(await ask({}, meta({ 'io.modelcontextprotocol/clientInfo': { name: 'b', version: '2' } })), {
    result: { answer: 1 },
  })
  const questions: readonly Sent[] = [
    modern('tools/list', { cursor: '2' }),
    modern('prompts/list'),
    modern('resources/read', { uri: 'note://1' }),
    modern('resources/read', { uri: 'note://2' }),
    meta({ 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } }),
    meta({ 'vendor/region': 'eu' }),
    meta({ baggage: 'tenant=a' }),
    withHeader('baggage', 'tenant=a'),
    withHeader('baggage', 'tenant=b'),
  ]
  for (const round of [1, 2])
    for (const [at, question] of questions.entries())
      t.match(
        await ask({}, question),
        { result: { answer: at + 2 } },
        `${round}: ${JSON.stringify(question)}`,
      )
  t.equal(asked.times, 1 + questions.length)
})

t.test('retries, calls, legacy requests and what the upstream would find fault with go there', async (t) => {
  const { asked, ask } = await scene(t)
  const { body, headers } = modern('resources/read', { uri: 'note://1' })
  const list = modern('tools/list')
  const questions: readonly Sent[] = [
    modern('tools/call', { name: 'a', arguments: {} }),
    modern('resources/read', { uri: 'note://1', inputResponses: {} }),
    modern('resources/read', { uri: 'note://1', requestState: 'x' }),
    { body: call('tools/list') },
    { body, headers: { ...headers, 'mcp-name': null } },
    { ...list, headers: { ...list.headers, 'mcp-method': null } },
    { ...list, headers: { ...list.headers, accept: 'application/json' } },
    { ...list, headers: { ...list.headers, 'cache-control': 'no-cache' } },
    { ...list, headers: { ...list.headers, 'mcp-param-tenant': 'a' } },
  ]
  for (const question of [modern('resources/read', { uri: 'note://1' }), list]) await ask({}, question)
  for (const question of [...questions, ...questions]) await ask({}, question)
  t.equal(asked.times, 2 + 2 * questions.length)
  t.match(await ask({}, list), { result: { answer: 2 } }, 'and what was kept is still there')
})

t.test('what the upstream says has changed is asked for again, on every replica', async (t) => {
  const mailbox = createLocalMailbox()
  const { upstream, asked, stage, ask } = await scene(t, undefined, { mailbox })
  const other = await setStage(t, [{ url: upstream.url }], { answerCacheBytes: 65_536, mailbox })
  const askOther = async (sent: Sent) => (await send(other, { token: await other.token(), ...sent })).json
  const list = modern('tools/list')
  const read = modern('resources/read', { uri: 'note://1' })
  for (const sent of [list, read]) {
    await ask({}, sent)
    await askOther(sent)
  }
  t.equal(asked.times, 4)

  let say: (event: string) => void = () => undefined
  upstream.answer((_, res) => {
    events(res)
    say = (event) => void res.write(event)
  })
  const listening = await open(stage, {
    token: await stage.token(),
    ...modern('subscriptions/listen', { notifications: { toolsListChanged: true } }),
  })
  await until(() => stage.gateway.openStreams() === 1)
  const heard: string[] = []
  listening.on('data', (chunk: Buffer) => heard.push(chunk.toString()))
  upstream.answer((arrival, res) => {
    const { id } = JSON.parse(arrival.body)
    json(res, 200, { jsonrpc: '2.0', id, result: { ...HINTS, answer: ++asked.times } })
  })
  // In two pieces, so that neither has all of the name.
  say('data: {"jsonrpc":"2.0","method":"notifications/tools/list_ch')
  await until(() => heard.length > 0)
  say('anged"}\n\n')
  await until(() => heard.join('').includes('anged'))

  t.match(await ask({}, list), { result: { answer: 5 } })
  t.match(await askOther(list), { result: { answer: 6 } })
  t.match(await ask({}, read), { result: { answer: 3 } }, 'the rest is still good')
  say('data: {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"note://1"}}\n\n')
  await until(() => heard.join('').includes('resources/updated'))
  t.match(await ask({}, read), { result: { answer: 7 } })
  t.match(await ask({}, list), { result: { answer: 5 } })
  listening.destroy()
})

t.test('an answer that a change overtook is not kept', async (t) => {
  const { upstream, stage, ask } = await scene(t)
  let say: (event: string) => void = () => undefined
  let answerList: () => void = () => undefined
  let asked = 0
  upstream.answer((arrival, res) => {
    const { id, method } = JSON.parse(arrival.body)
    if (method === 'subscriptions/listen') {
      events(res)
      say = (event) => void res.write(event)
      return
    }
    const answer = ++asked
    answerList = () => json(res, 200, { jsonrpc: '2.0', id, result: { ...HINTS, answer } })
    if (answer > 1) answerList()
  })
  const listening = await open(stage, { token: await stage.token(), ...modern('subscriptions/listen') })
  let heard = ''
  listening.on('data', (chunk: Buffer) => {
    heard += chunk
  })
  const first = ask()
  await until(() => asked === 1)
  say('data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n')
  await until(() => heard.includes('list_changed'))
  answerList()
  t.match(await first, { result: { answer: 1 } })
  t.match(await ask(), { result: { answer: 2 } })
  t.match(await ask(), { result: { answer: 2 } })
  listening.destroy()
})

t.test('a list that the policy filters is private, and each caller has the own one', async (t) => {
  const { policy } = loadConfig({
    UPSTREAMS: '{"notes": {"url": "http://notes/mcp"}}',
    POLICY: JSON.stringify({
      rules: [
        { tools: ['delete'], groups: ['admins'], effect: 'allow' },
        { tools: ['delete'], effect: 'deny' },
      ],
    }),
  })
  const tools = ['read', 'delete'].map((name) => ({ name, inputSchema: { type: 'object' } }))
  const { asked, ask } = await scene(t, () => ({ ...HINTS, tools }), {
    policy: createStandingPolicy(policy),
  })
  const admin = { ...BOB, groups: ['admins'] }
  for (const _ of [1, 2]) {
    t.match(await ask(admin), { result: { answer: 1, tools: { length: 2 }, cacheScope: 'private' } })
    t.match(await ask(), { result: { answer: 2, tools: { length: 1 }, cacheScope: 'private' } })
  }
  t.equal(asked.times, 2)
})

t.test('memory is bounded, and an upstream that was configured anew is another one', async (t) => {
  const { asked, stage, ask, upstream } = await scene(t, () => ({ ...HINTS, text: 'x'.repeat(40_000) }), {
    answerCacheBytes: 200_000,
  })
  const read = (at: number) => modern('resources/read', { uri: `note://${at}` })
  for (const at of [1, 2, 3, 4, 1, 4]) await ask({}, read(at))
  t.equal(asked.times, 5, 'the oldest had to go')
  const settings = { name: 'notes', title: 'New title', url: upstream.url, headers: {} }
  stage.registry.replace([settings])
  await ask({}, read(4))
  t.equal(asked.times, 6)
  stage.registry.replace([settings])
  await ask({}, read(4))
  t.equal(asked.times, 6, 'the same settings are the same upstream')
})

t.test('what is too large for one answer passes and is not kept; nothing is when it is off', async (t) => {
  const large = 'x'.repeat(1024 * 1024)
  const { asked, ask } = await scene(t, () => ({ ...HINTS, large }), { answerCacheBytes: 64 * 1024 * 1024 })
  for (const _ of [1, 2]) t.match(await ask(), { status: 200, result: { large } })
  t.equal(asked.times, 2)
  const off = await scene(t, undefined, { answerCacheBytes: 0 })
  for (const _ of [1, 2]) await off.ask()
  t.equal(off.asked.times, 2)
})

t.test('clients and a server of the SDK work with it, for as long as the server said', async (t) => {
  const tools = ['one']
  const build = () => {
    const server = new McpServer(
      { name: 'notes', version: '1' },
      {
        capabilities: { tools: { listChanged: true } },
        cacheHints: { 'tools/list': { ttlMs: 60_000, cacheScope: 'public' } },
      },
    )
    for (const name of tools)
      server.registerTool(name, { inputSchema: z.object({}) }, async () => ({ content: [] }))
    return server
  }
  const upstream = await serveMcp(t, build, 'modern')
  const stage = await setStage(t, [{ url: upstream.url }], { answerCacheBytes: 65_536 })
  const connect = async (claims: Claims) => {
    const client = new Client({ name: 'v2', version: '1' }, { versionNegotiation: { mode: { pin: MODERN } } })
    const headers = { authorization: `Bearer ${await stage.token(claims)}` }
    await client.connect(
      new StreamableHTTPClientTransport(new URL('/mcp/notes', stage.origin), { requestInit: { headers } }),
    )
    t.teardown(() => client.close())
    return async () => (await client.listTools()).tools.map(({ name }) => name)
  }
  const [alice, bob] = [await connect({}), await connect(BOB)]
  const before = upstream.count('POST')
  t.same(await alice(), ['one'])
  t.same(await bob(), ['one'])
  t.equal(upstream.count('POST'), before + 1)
  tools.push('two')
  t.same(await (await connect({ sub: 'usr_carol' }))(), ['one'], 'for as long as the upstream said')
  stage.clock.ahead = 60_000
  t.same(await (await connect({ sub: 'usr_carol' }))(), ['one', 'two'])
})
