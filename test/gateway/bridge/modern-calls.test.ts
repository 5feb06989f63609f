// Owns the proof that a modern client uses a legacy upstream as if it were a modern one: lists, calls, what comes along.

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import t from 'tap'
import * as z from 'zod'
import { errorOf, send, until } from '../stage.ts'
import { serveLegacy } from './legacy-upstream.ts'
import { asking, connectModern, setBridge } from './modern-stage.ts'

function build(): McpServer {
  const server = new McpServer(
    { name: 'old', version: '1.2.3' },
    { capabilities: { logging: {} }, instructions: 'Be kind.' },
  )
  server.registerTool('add', { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) =>
    text(String(a + b)),
  )
  server.registerTool('steps', { inputSchema: { to: z.number() } }, async ({ to }, extra) => {
    const progressToken = extra._meta?.progressToken
    for (let progress = 1; progress <= to && progressToken !== undefined; progress++) {
      await extra.sendNotification({
        method: 'notifications/progress',
        params: { progressToken, progress, total: to },
      })
    }
    return text(`went to ${to}`)
  })
  server.registerTool('talk', {}, async (extra) => {
    for (const level of ['debug', 'warning'] as const) {
      await extra.sendNotification({ method: 'notifications/message', params: { level, data: `a ${level}` } })
    }
    return text('talked')
  })
  server.registerTool('headers', {}, (extra) => text(JSON.stringify(extra.requestInfo?.headers)))
  server.registerTool('meta', {}, (extra) => text(JSON.stringify(extra._meta ?? {})))
  server.registerResource('readme', 'file:///readme', {}, (uri) => ({
    contents: [{ uri: uri.href, text: 'Read me' }],
  }))
  server.registerPrompt('greet', { argsSchema: { name: z.string() } }, ({ name }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Hello ${name}` } }],
  }))
  return server
}

function text(value: string) {
  return { content: [{ type: 'text' as const, text: value }] }
}

t.test('the upstream is discovered, and its lists, tools, resources and prompts work', async (t) => {
  const upstream = await serveLegacy(t, build)
  const stage = await setBridge(t, upstream.url)
  const client = await connectModern(t, stage)
  t.equal(client.getNegotiatedProtocolVersion(), '2026-07-28')
  t.match(client.getServerVersion(), { name: 'old', version: '1.2.3' })
  t.equal(client.getInstructions(), 'Be kind.')
  t.match(client.getServerCapabilities(), { tools: {}, resources: {}, prompts: {}, logging: {} })
  const { tools } = await client.listTools()
  t.same(
    tools.map(({ name }) => name),
    ['add', 'steps', 'talk', 'headers', 'meta'],
  )
  t.match(await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } }), { content: [{ text: '3' }] })
  t.match(await client.readResource({ uri: 'file:///readme' }), { contents: [{ text: 'Read me' }] })
  t.match(await client.getPrompt({ name: 'greet', arguments: { name: 'Ann' } }), {
    messages: [{ content: { text: 'Hello Ann' } }],
  })
  t.equal(upstream.sessions(), 1)
  t.equal(upstream.count('initialize'), 1)
  t.same(stage.errors, [])
})

t.test('results say what the modern era has them say', async (t) => {
  const upstream = await serveLegacy(t, build)
  const stage = await setBridge(t, upstream.url)
  const token = await stage.token()
  const serverInfo = { 'io.modelcontextprotocol/serverInfo': { name: 'old', version: '1.2.3' } }
  const listed = await send(stage, asking('tools/list', {}, { token }))
  t.equal(listed.headers['content-type'], 'application/json')
  t.match(listed.json.result, { resultType: 'complete', ttlMs: 0, cacheScope: 'private', _meta: serverInfo })
  const called = await send(
    stage,
    asking('tools/call', { name: 'add', arguments: { a: 1, b: 1 } }, { token }),
  )
  t.match(called.json.result, { resultType: 'complete', _meta: serverInfo })
  t.notMatch(called.json.result, { ttlMs: 0 })
  const discovered = await send(stage, asking('server/discover', {}, { token }))
  t.match(discovered.json.result, {
    resultType: 'complete',
    supportedVersions: ['2026-07-28'],
    capabilities: { tools: {} },
    instructions: 'Be kind.',
    cacheScope: 'private',
    _meta: serverInfo,
  })
  t.notMatch(discovered.json.result, { capabilities: { tasks: {} } })
})

t.test('progress comes with the token of the client, also when two clients chose the same one', async (t) => {
  const upstream = await serveLegacy(t, build)
  const stage = await setBridge(t, upstream.url)
  const token = await stage.token()
  const call = (to: number) =>
    send(
      stage,
      asking(
        'tools/call',
        { name: 'steps', arguments: { to } },
        { token, id: 7, meta: { progressToken: 'same' } },
      ),
    )
  const answers = await Promise.all([call(2), call(5)])
  for (const [index, to] of [2, 5].entries()) {
    const messages = eventsOf(answers[index]?.text ?? '')
    t.equal(messages.length, to + 1)
    t.ok(
      messages
        .slice(0, -1)
        .every((each) => each.params?.progressToken === 'same' && each.params.total === to),
    )
    t.match(messages.at(-1), { id: 7, result: { content: [{ text: `went to ${to}` }] } })
  }
  t.equal(upstream.sessions(), 1)
})

t.test('log messages come from the level on that a request asks for, and not without one', async (t) => {
  const upstream = await serveLegacy(t, build)
  const stage = await setBridge(t, upstream.url)
  const token = await stage.token()
  const level = (logLevel: string) => ({ meta: { 'io.modelcontextprotocol/logLevel': logLevel } })
  const call = (more: object) => send(stage, asking('tools/call', { name: 'talk' }, { token, ...more }))
  t.equal((await call({})).headers['content-type'], 'application/json')
  t.equal(upstream.count('logging/setLevel'), 0)
  t.match(eventsOf((await call(level('debug'))).text), [
    { params: { level: 'debug' } },
    { params: { level: 'warning' } },
    { result: {} },
  ])
  t.match(eventsOf((await call(level('warning'))).text), [{ params: { level: 'warning' } }, { result: {} }])
  t.same(
    upstream.received.filter(({ method }) => method === 'logging/setLevel').map(({ params }) => params.level),
    ['debug', 'warning'],
  )
  t.match(errorOf(await call(level('loud'))), { code: -32602 })
})

t.test(
  'the upstream sees none of the envelope, but the rest of _meta, the trace and the static headers',
  async (t) => {
    const upstream = await serveLegacy(t, build)
    const stage = await setBridge(t, upstream.url)
    const token = await stage.token()
    const sent = asking('tools/call', { name: 'meta' }, { token, meta: { 'com.example/own': 1 } })
    const answer = await send(stage, { ...sent, headers: { ...sent.headers, traceparent: '00-1-2-01' } })
    t.match(answer.json.result, { content: [{ text: '{"com.example/own":1}' }] })
    const { headers } = upstream.received.find(({ method }) => method === 'tools/call') ?? {}
    t.match(headers, {
      'mcp-protocol-version': '2025-11-25',
      traceparent: '00-1-2-01',
      'x-of-the-operator': 'yes',
    })
    t.notOk(headers?.authorization)
    t.notOk(headers?.['mcp-method'])
  },
)

t.test('an error of the upstream has the code and the status of the modern era', async (t) => {
  const upstream = await serveLegacy(t, build)
  const stage = await setBridge(t, upstream.url)
  const token = await stage.token()
  const missing = await send(stage, asking('resources/read', { uri: 'file:///none' }, { token }))
  t.match(errorOf(missing), { code: -32602 })
  t.equal(missing.status, 200)
  const unknown = await send(stage, asking('vendor/none', {}, { token }))
  t.equal(unknown.status, 404)
  t.match(errorOf(unknown), { code: -32601 })
  for (const removed of ['ping', 'initialize', 'logging/setLevel', 'resources/subscribe', 'tasks/list']) {
    const answer = await send(stage, asking(removed, {}, { token }))
    t.equal(answer.status, 404, removed)
    t.match(errorOf(answer), { code: -32601 })
  }
  t.equal(upstream.count('tasks/list'), 0)
  t.equal((await send(stage, asking('prompts/list', {}, { token }))).status, 200)
})

t.test('an envelope that is not whole is refused, and a whole one is served', async (t) => {
  const upstream = await serveLegacy(t, build)
  const stage = await setBridge(t, upstream.url)
  const token = await stage.token()
  const whole = asking('tools/list', {}, { token })
  const without = (name: string) => asking('tools/list', {}, { token, meta: { [name]: undefined } })
  for (const name of ['protocolVersion', 'clientCapabilities']) {
    const answer = await send(stage, without(`io.modelcontextprotocol/${name}`))
    t.equal(answer.status, 400, name)
    t.match(errorOf(answer), { code: -32602 })
  }
  const version = '2027-01-01'
  const newer = asking(
    'tools/list',
    {},
    { token, meta: { 'io.modelcontextprotocol/protocolVersion': version } },
  )
  const unsupported = await send(stage, {
    ...newer,
    headers: { ...newer.headers, 'mcp-protocol-version': version },
  })
  t.equal(unsupported.status, 400)
  t.match(errorOf(unsupported), { code: -32022, data: { supported: ['2026-07-28'], requested: version } })
  const named = asking('tools/call', { name: 'add', arguments: { a: 1, b: 2 } }, { token })
  for (const name of ['mcp-method', 'mcp-name']) {
    const answer = await send(stage, { ...named, headers: { ...named.headers, [name]: null } })
    t.equal(answer.status, 400, name)
    t.match(errorOf(answer), { code: -32020 })
  }
  t.equal((await send(stage, named)).status, 200)
  t.equal((await send(stage, whole)).status, 200)
  t.equal((await send(stage, without('io.modelcontextprotocol/clientInfo'))).status, 200)
})

t.test('a notification is accepted and goes nowhere', async (t) => {
  const upstream = await serveLegacy(t, build)
  const stage = await setBridge(t, upstream.url)
  const token = await stage.token()
  const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'notifications/cancelled' }
  const body = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }
  const answer = await send(stage, { token, headers, body })
  t.equal(answer.status, 202)
  t.equal(answer.text, '')
  t.equal(upstream.received.length, 0)
})

t.test('an upstream that is not there, or refuses the credentials, is told in words', async (t) => {
  const token = (stage: { token(): Promise<string> }) => stage.token()
  const gone = await setBridge(t, 'http://127.0.0.1:9/mcp')
  const unreachable = await send(gone, asking('tools/list', {}, { token: await token(gone) }))
  t.equal(unreachable.status, 502)
  t.match(gone.events.at(-1), { outcome: 'refused', reason: 'upstream_unreachable' })
  const locked = await serveLegacy(t, build, {
    before: ({ headers }, res) => {
      if (headers['x-key'] === 'open') return false
      res.writeHead(401).end()
      return true
    },
  })
  const stage = await setBridge(t, locked.url)
  const refused = await send(stage, asking('tools/list', {}, { token: await token(stage) }))
  t.equal(refused.status, 502)
  t.match(stage.events.at(-1), { reason: 'upstream_credentials' })
  const credentialFor = () => ({ kind: 'header', name: 'X-Key', value: 'open' }) as const
  const known = await setBridge(t, locked.url, { credentialFor })
  t.equal((await send(known, asking('tools/list', {}, { token: await token(known) }))).status, 200)
})

t.test('the client that leaves cancels its call', async (t) => {
  let aborted = 0
  const upstream = await serveLegacy(t, () => {
    const server = build()
    server.registerTool('wait', {}, async ({ signal }) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      aborted++
      return text('never')
    })
    return server
  })
  const stage = await setBridge(t, upstream.url)
  const leaving = new AbortController()
  const token = await stage.token()
  const call = send(stage, asking('tools/call', { name: 'wait' }, { token, signal: leaving.signal }))
  await until(() => upstream.count('tools/call') === 1)
  leaving.abort()
  await t.rejects(call)
  await until(() => aborted === 1)
  t.equal(upstream.count('notifications/cancelled'), 1)
  await until(() => stage.events.at(-1)?.outcome === 'aborted')
  t.match(await send(stage, asking('tools/call', { name: 'talk' }, { token })), { status: 200 })
})

interface Message {
  readonly id?: unknown
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: unknown
}

export function eventsOf(body: string): readonly Message[] {
  return [...body.matchAll(/^data: (.+)$/gm)].map(([, data = '']) => JSON.parse(data))
}
