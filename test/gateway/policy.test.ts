// Owns the proof that the operator's policy holds at the edge: for clients of both SDKs and eras, and whatever headers say.

import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer } from '@modelcontextprotocol/server'
import t from 'tap'
import * as z from 'zod'
import { loadConfig } from '../../src/config/config.ts'
import { encodeMirrored } from '../../src/mcp/mirrored.ts'
import { createStandingPolicy } from '../../src/oauth/standing-policy.ts'
import { json, startHostileUpstream } from '../support/hostile-upstream.ts'
import { type Era, serveMcp } from './mcp-upstream.ts'
import { call, errorOf, MODERN, modern, type Stage, send, setStage, type Teardown, until } from './stage.ts'

const UPSTREAMS = '{"notes": {"url": "http://notes/mcp"}}'
const RULES = {
  rules: [
    { tools: ['delete_*'], groups: ['admins'], effect: 'allow' },
    { tools: ['delete_*'], effect: 'deny', reason: 'Ask an admin.' },
    { tools: ['push'], arguments: { required: ['force'] }, effect: 'deny' },
    { prompts: ['secret'], effect: 'deny' },
    { resources: ['note://secret/*'], effect: 'deny' },
  ],
}

function policyOf(document: unknown) {
  return createStandingPolicy(loadConfig({ UPSTREAMS, POLICY: JSON.stringify(document) }).policy)
}

function buildServer(): McpServer {
  const server = new McpServer(
    { name: 'notes', version: '1' },
    { capabilities: { tools: { listChanged: true } } },
  )
  const done = async () => ({ content: [{ type: 'text' as const, text: 'done' }] })
  const inputSchema = z.object({ force: z.boolean().optional() })
  const annotations = { readOnlyHint: true }
  server.registerTool('read_note', { description: 'reads', inputSchema: z.object({}), annotations }, done)
  server.registerTool('delete_note', { description: 'deletes', inputSchema: z.object({}) }, done)
  server.registerTool('push', { description: 'pushes', inputSchema }, done)
  const prompt = (name: string) =>
    server.registerPrompt(name, {}, async () => ({
      messages: [{ role: 'user' as const, content: { type: 'text' as const, text: name } }],
    }))
  prompt('open')
  prompt('secret')
  const resource = (uri: string) =>
    server.registerResource(uri, uri, {}, async () => ({ contents: [{ uri, text: uri }] }))
  resource('note://open/1')
  resource('note://secret/1')
  return server
}

async function scene(t: Teardown, era: Era = 'legacy', document: unknown = RULES) {
  const upstream = await serveMcp(t, buildServer, era)
  const stage = await setStage(t, [{ url: upstream.url }], { policy: policyOf(document) })
  return { upstream, stage }
}

interface AnyClient {
  listTools(): Promise<{ tools: readonly { name: string }[] }>
  listPrompts(): Promise<{ prompts: readonly { name: string }[] }>
  listResources(): Promise<{ resources: readonly { uri: string }[] }>
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<object>
  readResource(params: { uri: string }): Promise<object>
}

const CLIENTS: readonly (readonly [string, Era, (url: URL, token: string) => Promise<AnyClient>])[] = [
  [
    'SDK v1',
    'legacy',
    async (url, token) => {
      const client = new ClientV1({ name: 'v1', version: '1' })
      const connectable: { connect(transport: object): Promise<void> } = client
      await connectable.connect(new TransportV1(url, { requestInit: bearing(token) }))
      t.teardown(() => client.close())
      return client
    },
  ],
  ['SDK v2, 2025 era', 'legacy', (url, token) => connectV2(url, token, 'legacy')],
  ['SDK v2, 2026-07-28', 'modern', (url, token) => connectV2(url, token, { pin: MODERN })],
]

async function connectV2(url: URL, token: string, mode: 'legacy' | { pin: string }): Promise<AnyClient> {
  const client = new ClientV2({ name: 'v2', version: '1' }, { versionNegotiation: { mode } })
  await client.connect(new TransportV2(url, { requestInit: bearing(token) }))
  t.teardown(() => client.close())
  return client
}

function bearing(token: string) {
  return { headers: { authorization: `Bearer ${token}` } }
}

const names = (items: readonly { name?: string; uri?: string }[]) => items.map(({ name }) => name)

for (const [what, era, connect] of CLIENTS) {
  t.test(`${what} is not shown what it may not use, and told so when it calls it all the same`, async (t) => {
    const { stage } = await scene(t, era)
    const url = new URL('/mcp/notes', stage.origin)
    const client = await connect(url, await stage.token())
    const admin = await connect(url, await stage.token({ groups: ['admins'] }))

    t.same(names((await client.listTools()).tools), ['read_note', 'push'])
    t.same(names((await admin.listTools()).tools), ['read_note', 'delete_note', 'push'])
    t.same(names((await client.listPrompts()).prompts), ['open'])
    t.same(
      (await client.listResources()).resources.map(({ uri }) => uri),
      ['note://open/1'],
    )
    await t.rejects(client.callTool({ name: 'delete_note', arguments: {} }), /Ask an admin\./)
    t.match(await admin.callTool({ name: 'delete_note', arguments: {} }), { content: [{ text: 'done' }] })
    await t.rejects(client.callTool({ name: 'push', arguments: { force: true } }), /these arguments/)
    t.match(await client.callTool({ name: 'push', arguments: {} }), { content: [{ text: 'done' }] })
    await t.rejects(client.readResource({ uri: 'note://secret/1' }), /not allowed here/)
    t.match(await client.readResource({ uri: 'note://open/1' }), { contents: [{ text: 'note://open/1' }] })
  })
}

t.test(
  'a refusal is a 403 without a challenge, in the audit by its own name, and asks for no step-up',
  async (t) => {
    const steps: string[] = []
    const upstream = await serveMcp(t, buildServer, 'modern')
    const stage = await setStage(t, [{ url: upstream.url }], {
      policy: policyOf(RULES),
      onStepUp: (grantId) => void steps.push(grantId),
    })
    const token = await stage.token()

    const refused = await send(stage, {
      token,
      ...modern('tools/call', { name: 'delete_note', arguments: {} }),
    })

    t.match(refused, { status: 403, json: { jsonrpc: '2.0', id: 1 } })
    t.equal(refused.headers['www-authenticate'], undefined)
    t.match(errorOf(refused), { code: 403, message: 'Tool delete_note is not allowed here. Ask an admin.' })
    t.match(stage.events.at(-1), { outcome: 'refused', reason: 'policy', status: 403, tool: 'delete_note' })
    t.same(steps, [])
    t.equal(upstream.count('POST'), 0)
    const reader = await stage.token({ scope: 'notes:read' })
    const needy = await send(stage, {
      token: reader,
      ...modern('tools/call', { name: 'push', arguments: {} }),
    })
    t.match(needy.headers['www-authenticate'], /insufficient_scope/, 'what more scope would help with does')
    t.same(steps, ['grant-1'])
  },
)

t.test('what the scopes do not allow, no rule allows', async (t) => {
  const { stage } = await scene(t, 'modern')
  const admin = { groups: ['admins'] }
  const deleting = modern('tools/call', { name: 'delete_note', arguments: {} })
  const reader = await send(stage, {
    token: await stage.token({ ...admin, scope: 'notes:read' }),
    ...deleting,
  })
  t.match(reader.headers['www-authenticate'], /insufficient_scope/)
  t.equal((await send(stage, { token: await stage.token(admin), ...deleting })).status, 200)
})

t.test('one element of a batch that is not allowed refuses the whole batch', async (t) => {
  const { stage, upstream } = await scene(t)
  const token = await stage.token()
  const batch = (...tools: string[]) =>
    send(stage, {
      token,
      headers: { 'mcp-protocol-version': '2025-03-26' },
      body: tools.map((name, id) => call('tools/call', { name, arguments: {} }, id)),
    })
  const refused = await batch('read_note', 'delete_note')
  t.equal(refused.status, 403)
  t.match(JSON.parse(refused.text), [
    { id: 0, error: { code: 403 } },
    { id: 1, error: { code: 403 } },
  ])
  t.equal(upstream.count('POST'), 0)
  await batch('read_note', 'push')
  t.equal(upstream.count('POST'), 1, 'the twin reaches the upstream')
})

t.test('a header that says something else than the body opens nothing', async (t) => {
  const { stage, upstream } = await scene(t, 'modern')
  const token = await stage.token()
  const { body, headers } = modern('tools/call', { name: 'delete_note', arguments: {} })
  const sent = (changed: Record<string, string | null>) =>
    send(stage, { token, body, headers: { ...headers, ...changed } })
  t.match(await sent({ 'mcp-method': 'tools/list' }), { status: 400, json: { error: { code: -32020 } } })
  t.match(await sent({ 'mcp-name': 'read_note' }), { status: 400, json: { error: { code: -32020 } } })
  t.equal((await sent({ 'mcp-name': null, 'mcp-method': null })).status, 403, 'the body decides')
  t.equal((await sent({ 'mcp-protocol-version': '2025-11-25' })).status, 400)
  t.equal(upstream.count('POST'), 0)
})

t.test('arguments that could be read in two ways are not judged', async (t) => {
  const { stage, upstream } = await scene(t, 'modern')
  const token = await stage.token()
  const { body, headers } = modern('tools/call', { name: 'push', arguments: { note: { id: 1 } } })
  const doubled = JSON.stringify(body).replace('{"id":1}', '{"id":1,"id":2}')
  t.match(await send(stage, { token, headers, body: doubled }), {
    status: 400,
    json: { error: { message: 'A member appears twice.' } },
  })
  const cased = JSON.stringify(body).replace('{"id":1}', '{"id":1,"ID":2}')
  t.equal((await send(stage, { token, headers, body: cased })).status, 400, 'for readers that ignore case')
  const many = Array.from({ length: 20_000 }, (_, at) => `"m${at}":1`).join(',')
  const large = JSON.stringify(body).replace('{"id":1}', `{${many}}`)
  t.equal((await send(stage, { token, headers, body: large })).status, 400, 'too much to be judged')
  t.equal(upstream.count('POST'), 0)
  t.equal((await send(stage, { token, headers, body })).status, 200)
})

t.test('nor is what names a prompt, or a resource, in two ways', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }], { policy: policyOf(RULES) })
  const post = async (method: string, params: string) =>
    await send(stage, {
      token: await stage.token(),
      body: `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`,
    })
  const argument = '"argument":{"name":"a","value":"b"}'
  const completing = (ref: string) => post('completion/complete', `{${argument},${ref}}`)
  const listening = (filter: string) => post('subscriptions/listen', `{"notifications":{${filter}}}`)
  const secret = '"resourceSubscriptions":["note://secret/1"]'
  const open = '"resourceSubscriptions":["note://open/1"]'
  const refused = [
    completing('"ref":{"type":"ref/prompt","name":"secret","name":"open"}'),
    completing('"ref":{"type":"ref/prompt","name":"open","Name":"secret"}'),
    completing('"ref":{"type":"ref/prompt","name":"open"},"Ref":{"type":"ref/prompt","name":"secret"}'),
    listening(`${secret},${open}`),
    listening(`${open},${secret.toUpperCase()}`),
  ]
  for (const answer of await Promise.all(refused)) t.equal(answer.status, 400, answer.text)
  t.equal((await completing('"ref":{"type":"ref/prompt","name":"secret"}')).status, 403)
  t.equal((await listening(secret)).status, 403)
  t.equal(upstream.arrivals.length, 0)
  t.equal((await completing('"ref":{"type":"ref/prompt","name":"open"}')).status, 200)
  t.equal((await listening(open)).status, 200)
})

t.test('no spelling of a URI leads a server to a resource that the policy keeps', async (t) => {
  const buildFiles = () => {
    const server = new McpServer({ name: 'files', version: '1' })
    for (const uri of ['file:///public/a', 'file:///secret/a'])
      server.registerResource(uri, uri, {}, async () => ({ contents: [{ uri, text: uri }] }))
    return server
  }
  const upstream = await serveMcp(t, buildFiles, 'modern')
  const read = async (stage: Stage, uri: string) => {
    const { body, headers } = modern('resources/read', { uri })
    const named = { ...headers, 'mcp-name': encodeMirrored(uri) }
    return (await send(stage, { token: await stage.token(), body, headers: named })).status
  }
  const open = { rules: [{ resources: ['file:///secret/*'], effect: 'deny' }] }
  const closed = { default: 'deny', rules: [{ resources: ['file:///public/*'], effect: 'allow' }] }
  for (const document of [open, closed]) {
    const stage = await setStage(t, [{ url: upstream.url }], { policy: policyOf(document) })
    // The server of the SDK takes each of these for the same, and an unguarded stage shows that.
    for (const uri of ['file:///public/.\t./secret/a', 'FILE:///secret/a', 'file://localhost/secret/a'])
      t.equal(await read(stage, uri), 403, JSON.stringify(uri))
    t.equal(await read(stage, 'file:///public/a'), 200)
  }
  const unguarded = await setStage(t, [{ url: upstream.url }])
  for (const uri of ['file:///public/.\t./secret/a', 'FILE:///secret/a', 'file://localhost/secret/a'])
    t.equal(await read(unguarded, uri), 200, JSON.stringify(uri))
})

t.test('only what the upstream calls read-only passes where that is the rule', async (t) => {
  const { stage } = await scene(t, 'modern', { default: 'read-only' })
  const token = await stage.token()
  const status = async (name: string) =>
    (await send(stage, { token, ...modern('tools/call', { name, arguments: {} }) })).status
  t.equal(await status('read_note'), 200)
  t.equal(await status('delete_note'), 403)
  t.equal(await status('unheard_of'), 403)
  t.match(await send(stage, { token, ...modern('vendor/write') }), { status: 403 })
})

t.test(
  'who lacks a scope still sees what a step-up would give, unless the operator wants it hidden',
  async (t) => {
    const shown = async (document: unknown) => {
      const { stage } = await scene(t, 'modern', document)
      const { json: answer } = await send(stage, {
        token: await stage.token({ scope: 'notes:read' }),
        ...modern('tools/list'),
      })
      return answer
    }
    t.match(await shown({}), { result: { tools: [{}, {}, {}] } })
    t.same(toolsIn(await shown({ hideUngranted: true })), ['read_note'])
  },
)

function toolsIn(answer: Readonly<Record<string, unknown>>): readonly unknown[] {
  const { result } = z
    .object({ result: z.object({ tools: z.array(z.object({ name: z.string() })) }) })
    .parse(answer)
  return result.tools.map(({ name }) => name)
}

const LIST = {
  tools: [
    { name: 'read_note', inputSchema: { type: 'object', properties: { n: { maximum: 0 } } } },
    { name: 'delete_note', inputSchema: { type: 'object' } },
  ],
  nextCursor: 'é',
  ttlMs: 1000,
  cacheScope: 'public',
  resultType: 'complete',
}
/** A number that is none of JavaScript's. */
const LIST_TEXT = JSON.stringify({ jsonrpc: '2.0', id: 1, result: LIST }).replace(
  ':0}',
  ':9223372036854775807}',
)

t.test('a list that something was left out of is private, has its length, and its numbers', async (t) => {
  const upstream = await startHostileUpstream(t)
  upstream.answer((_, res) => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(LIST_TEXT) })
    res.end(LIST_TEXT)
  })
  const stage = await setStage(t, [{ url: upstream.url }], { policy: policyOf(RULES) })
  const list = async (claims: object) =>
    send(stage, { token: await stage.token({ ...claims }), ...modern('tools/list') })

  const filtered = await list({})
  const whole = await list({ groups: ['admins'] })

  t.equal(filtered.headers['content-length'], String(Buffer.byteLength(filtered.text)))
  t.same(toolsIn(filtered.json), ['read_note'])
  t.match(filtered.json, { result: { cacheScope: 'private', ttlMs: 1000, nextCursor: 'é' } })
  t.match(filtered.text, '"maximum":9223372036854775807')
  t.same(toolsIn(whole.json), ['read_note', 'delete_note'])
  t.match(whole.json, { result: { cacheScope: 'private' } }, 'others would be shown less')
  const open = await setStage(t, [{ url: upstream.url }])
  t.equal(
    (await send(open, { token: await open.token(), ...modern('tools/list') })).text,
    LIST_TEXT,
    'byte for byte',
  )
})

t.test(
  'a list in an event stream is filtered in whatever pieces it comes, and the rest passes as it is',
  async (t) => {
    const upstream = await startHostileUpstream(t)
    const before =
      ': hello\r\n\r\nevent: message\r\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\r\n\r\n'
    const stream = Buffer.from(`${before}id: 7\nevent: message\ndata: ${LIST_TEXT}\n\n`)
    upstream.answer(async (_, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      for (let at = 0; at < stream.length; at += 7) {
        res.write(stream.subarray(at, at + 7))
        if (at % 70 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      res.end()
    })
    const stage = await setStage(t, [{ url: upstream.url }], { policy: policyOf(RULES) })
    const list = async (claims: object) =>
      send(stage, { token: await stage.token({ ...claims }), body: call('tools/list') })

    const { text } = await list({})

    t.ok(text.startsWith(before))
    t.notMatch(text, 'delete_note')
    const [last = ''] = text.slice(before.length).split('\n\n')
    t.match(last, /^id: 7\nevent: message\ndata: \{/)
    t.same(toolsIn(JSON.parse(last.split('data: ')[1] ?? '')), ['read_note'])
    t.match((await list({ groups: ['admins'] })).text, 'delete_note')
  },
)

t.test('a list that is resumed on the stream of the session is filtered too', async (t) => {
  const upstream = await startHostileUpstream(t)
  upstream.answer((_, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' }).end(`id: 7\ndata: ${LIST_TEXT}\n\n`)
  })
  const stage = await setStage(t, [{ url: upstream.url }], { policy: policyOf(RULES) })
  const resume = async (claims: object) =>
    send(stage, { method: 'GET', token: await stage.token({ ...claims }), headers: { 'last-event-id': '6' } })
  t.notMatch((await resume({})).text, 'delete_note')
  t.match((await resume({ groups: ['admins'] })).text, 'delete_note')
})

t.test('a list that cannot be read does not pass', async (t) => {
  const upstream = await startHostileUpstream(t)
  upstream.answer((_, res) => res.writeHead(200, { 'content-type': 'application/json' }).end(`${LIST_TEXT}]`))
  const stage = await setStage(t, [{ url: upstream.url }], { policy: policyOf(RULES) })
  const list = async (on: Stage) => send(on, { token: await on.token(), ...modern('tools/list') })
  t.match(await list(stage), { status: 502, json: { id: 1, error: { code: -32603 } } })
  upstream.answer((_, res) => json(res, 200, JSON.parse(LIST_TEXT)))
  t.equal((await list(stage)).status, 200)
  await until(() => stage.events.length === 2)
})
