// Owns the proof that scopes decide: reading for those who may read, everything for those who may do everything.

import { McpServer } from '@modelcontextprotocol/server'
import t from 'tap'
import * as z from 'zod'
import { type AccessQuestion, decide, toolsInQuestion } from '../../src/gateway/access.ts'
import { type RpcMessage, readMessages } from '../../src/gateway/message.ts'
import { matches, type Tool, type Tools } from '../../src/oauth/tool.ts'
import { startHostileUpstream } from '../support/hostile-upstream.ts'
import { serveMcp } from './mcp-upstream.ts'
import { call, errorOf, modern, notification, PUBLIC_URL, type Sent, send, setStage } from './stage.ts'

const NOBODY = { clientId: 'client-1', groups: new Set<string>() }
const READ = new Set(['notes:read'])
const NOTES = { name: 'notes', toolScopes: [], holdNewTools: false }
const TOOLS: Tools = new Map([
  ['read_note', tool('read_note', { readOnly: true })],
  ['write_note', tool('write_note')],
  ['send_mail', tool('send_mail')],
])

function tool(name: string, facts: Partial<Tool> = {}): Tool {
  return { name, title: null, readOnly: false, destructive: false, since: 0, ...facts }
}

interface Asking {
  readonly upstream?: Partial<AccessQuestion['upstream']>
  readonly consentedAt?: number | null
  readonly tools?: Tools
}

function decideFor(scopes: Iterable<string>, messages: readonly RpcMessage[], asking: Asking = {}) {
  const { upstream = {}, consentedAt = 1000, tools = TOOLS } = asking
  const caller = { ...NOBODY, scopes: new Set(scopes), consentedAt }
  return decide({ caller, policy: null, upstream: { ...NOTES, ...upstream }, messages, tools })
}

function messages(body: unknown): readonly RpcMessage[] {
  return readMessages(Buffer.from(JSON.stringify(body)), true, { maxDepth: 100, maxBatch: 100 })
}

t.test('what each scope allows', async (t) => {
  const reading = [
    call('initialize'),
    call('ping'),
    call('server/discover'),
    call('tools/list'),
    call('resources/list'),
    call('resources/templates/list'),
    call('resources/read', { uri: 'a:b' }),
    call('resources/subscribe', { uri: 'a:b' }),
    call('resources/unsubscribe', { uri: 'a:b' }),
    call('prompts/list'),
    call('prompts/get', { name: 'write' }),
    call('completion/complete'),
    call('logging/setLevel'),
    call('subscriptions/listen'),
    call('tasks/get', { taskId: '1' }),
    call('tasks/list'),
    call('tasks/result', { taskId: '1' }),
    call('tools/call', { name: 'read_note' }),
    notification('notifications/initialized'),
    notification('notifications/vendor/special'),
    { jsonrpc: '2.0', id: 1, result: {} },
    { jsonrpc: '2.0', id: 1, error: { code: 1, message: '' } },
    [call('tools/list'), call('tools/call', { name: 'read_note' })],
  ]
  const writing = [
    call('tools/call', { name: 'write_note' }),
    call('tools/call', { name: 'unknown' }),
    call('tools/call', {}),
    call('tools/call', { name: 7 }),
    call('tasks/cancel', { taskId: '1' }),
    call('tasks/update', { taskId: '1' }),
    call('resources/write'),
    call('unheard/of'),
    call('constructor'),
    call('notifications/initialized'),
    notification('tools/call', { name: 'read_note' }),
    notification('unheard/of'),
    [call('tools/list'), call('tools/call', { name: 'write_note' })],
  ]
  for (const body of reading) {
    t.ok(decideFor(READ, messages(body)).allowed, JSON.stringify(body))
    t.notOk(decideFor(['other', 'other:read', 'note'], messages(body)).allowed)
  }
  for (const body of writing) {
    t.notOk(decideFor(READ, messages(body)).allowed, JSON.stringify(body))
  }
  for (const body of [...reading, ...writing]) {
    t.ok(decideFor(['notes'], messages(body), { tools: new Map() }).allowed)
  }
  t.ok(decideFor(READ, []).allowed, 'a stream')
  t.notOk(decideFor([], []).allowed)
})

t.test('a denial names the scope that is enough for the whole operation', async (t) => {
  const write = messages([call('tools/list'), call('tools/call', { name: 'write_note' })])
  t.match(decideFor(READ, write), {
    needed: ['notes'],
    description: 'Tool write_note needs more permission',
  })
  t.match(decideFor([], write), { needed: ['notes'] })
  t.match(decideFor([], messages(call('tools/list'))), { needed: ['notes:read'] })
  const odd = messages(call('tools/call', { name: 'x", scope="admin' }))
  t.match(decideFor(READ, odd), { description: 'This tool needs more permission' })
})

t.test('the tools are asked for only when they decide something', async (t) => {
  const body = messages([
    call('tools/list'),
    call('tools/call', { name: 'a' }),
    call('tools/call', { name: 'b' }),
  ])
  const ask = (scopes: Iterable<string>, body: readonly RpcMessage[], upstream = NOTES) =>
    toolsInQuestion({
      caller: { ...NOBODY, scopes: new Set(scopes), consentedAt: 1000 },
      policy: null,
      upstream,
      messages: body,
    })
  t.same(ask(READ, body), ['a', 'b'])
  t.same(ask(['notes'], body), [])
  t.same(ask(['notes'], body, { ...NOTES, holdNewTools: true }), ['a', 'b'], 'new ones may have to wait')
  t.same(ask(READ, messages(call('tools/list'))), [])
})

t.test('a finer scope covers its tools, and what everybody needs to use them', async (t) => {
  const upstream = {
    toolScopes: [
      { scope: 'notes:mail', title: 'Mail', tools: ['send_*'] },
      { scope: 'notes:edit', title: 'Edit', tools: ['write_note', 'rename_*_note'] },
    ],
  }
  const named = (name: string) => messages(call('tools/call', { name }))
  const mail = ['notes:mail']

  t.ok(decideFor(mail, named('send_mail'), { upstream }).allowed)
  t.ok(decideFor(mail, messages(call('initialize')), { upstream }).allowed)
  t.ok(decideFor(mail, [], { upstream }).allowed, 'a stream')
  t.notOk(decideFor(mail, messages(call('resources/read', { uri: 'a:b' })), { upstream }).allowed)
  t.match(decideFor(mail, named('write_note'), { upstream }), { needed: ['notes:edit'] })
  t.match(decideFor(mail, named('read_note'), { upstream }), { needed: ['notes:read'] })
  t.match(decideFor(mail, named('unheard_of'), { upstream }), { needed: ['notes'] })
  const both = messages([
    call('tools/call', { name: 'read_note' }),
    call('tools/call', { name: 'write_note' }),
    call('tools/call', { name: 'send_mail' }),
  ])
  t.match(decideFor(mail, both, { upstream }), { needed: ['notes:read', 'notes:edit'] }, 'everything at once')
  t.ok(decideFor(['notes:read', 'notes:edit', 'notes:mail'], both, { upstream }).allowed)
  t.ok(decideFor(['notes'], both, { upstream }).allowed)
})

t.test('a tool that came after the person agreed is held where the operator wants that', async (t) => {
  const tools: Tools = new Map([
    ['old', tool('old', { since: 999 })],
    ['new', tool('new', { since: 1001 })],
  ])
  const named = (name: string) => messages(call('tools/call', { name }))
  const hold = { upstream: { holdNewTools: true }, tools }

  t.ok(decideFor(['notes'], named('old'), hold).allowed)
  t.match(decideFor(['notes'], named('new'), hold), {
    needed: ['notes'],
    description: 'Tool new is new since',
  })
  t.ok(decideFor(['notes'], named('new'), { tools }).allowed, 'elsewhere it is not held')
  t.ok(decideFor(['notes'], named('new'), { ...hold, consentedAt: 1002 }).allowed, 'agreed to since')
  t.ok(decideFor(['notes'], named('new'), { ...hold, consentedAt: null }).allowed, 'nobody was asked')
})

t.test('patterns of tools', async (t) => {
  const table: [pattern: string, name: string, expected: boolean][] = [
    ['a', 'a', true],
    ['a', 'ab', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['a*', 'abc', true],
    ['a*', 'ba', false],
    ['*c', 'abc', true],
    ['a*c', 'ac', true],
    ['a*c', 'abd', false],
    ['ab*ba', 'aba', false],
    ['a*b*c', 'axbxc', true],
    ['a*b*c', 'acb', false],
    ['a.c', 'abc', false],
    ['*a*', 'bab', true],
    ['*a*', 'bbb', false],
  ]
  for (const [pattern, name, expected] of table)
    t.equal(matches(pattern, name), expected, `${pattern} ${name}`)
})

t.test('a denied call is answered by a challenge that leads to the scope', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }], {
    toolsOf: async () => TOOLS,
  })
  const token = await stage.token({ scope: 'notes:read' })
  const sent: Sent = { token, body: call('tools/call', { name: 'write_note' }, 'w') }
  const answer = await send(stage, sent)
  t.equal(answer.status, 403)
  t.equal(
    answer.headers['www-authenticate'],
    `Bearer error="insufficient_scope", resource_metadata="${PUBLIC_URL}/.well-known/oauth-protected-resource/mcp/notes", scope="notes", error_description="Tool write_note needs more permission"`,
  )
  t.equal(answer.json.id, 'w')
  t.equal(errorOf(answer).code, 403)
  t.equal(upstream.arrivals.length, 0)
  t.equal((await send(stage, { ...sent, body: call('tools/call', { name: 'read_note' }) })).status, 200)
  t.equal((await send(stage, { ...sent, token: await stage.token() })).status, 200)
  t.equal((await send(stage, { token: await stage.token({ scope: 'openid' }), method: 'GET' })).status, 403)
})

function buildServer(): McpServer {
  const server = new McpServer({ name: 'tools', version: '1' })
  const answer = async () => ({ content: [{ type: 'text' as const, text: 'done' }] })
  const reads = { description: 'reads', inputSchema: z.object({}), annotations: { readOnlyHint: true } }
  const writes = { description: 'writes', inputSchema: z.object({}), annotations: { readOnlyHint: false } }
  server.registerTool('read_note', reads, answer)
  server.registerTool('write_note', writes, answer)
  server.registerTool('says_nothing', { description: '?', inputSchema: z.object({}) }, answer)
  return server
}

for (const era of ['legacy', 'modern'] as const) {
  t.test(`a ${era} upstream says itself which of its tools only read`, async (t) => {
    const upstream = await serveMcp(t, buildServer, era, { 'x-api-key': 'k' })
    const stage = await setStage(t, [{ url: upstream.url, headers: { 'x-api-key': 'k' } }])
    const token = await stage.token({ scope: 'notes:read' })
    const status = async (name: string) => {
      const { body, headers } = modern('tools/call', { name, arguments: {} })
      const sent =
        era === 'modern' ? { body, headers } : { body: call('tools/call', { name, arguments: {} }) }
      return (await send(stage, { token, ...sent })).status
    }
    t.not(await status('read_note'), 403)
    t.equal(await status('write_note'), 403)
    t.equal(await status('says_nothing'), 403)
    t.equal(await status('no_such_tool'), 403)
    t.same(stage.errors, [])
  })
}

t.test('nothing is read-only at an upstream that does not tell its tools', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const token = await stage.token({ scope: 'notes:read' })
  t.equal((await send(stage, { token, body: call('tools/call', { name: 'read_note' }) })).status, 403)
  t.equal(stage.errors.length, 1, 'and somebody is told why')
  t.equal((await send(stage, { token, body: call('tools/list') })).status, 200)
})
