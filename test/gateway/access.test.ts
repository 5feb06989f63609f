// Owns the proof that scopes decide: reading for those who may read, everything for those who may do everything.

import { McpServer } from '@modelcontextprotocol/server'
import t from 'tap'
import * as z from 'zod'
import { decide, toolsInQuestion } from '../../src/gateway/access.ts'
import { type RpcMessage, readMessages } from '../../src/gateway/message.ts'
import { startHostileUpstream } from '../support/hostile-upstream.ts'
import { serveMcp } from './mcp-upstream.ts'
import { call, errorOf, modern, notification, PUBLIC_URL, type Sent, send, setStage } from './stage.ts'

const READ = new Set(['notes:read'])
const isReadOnly = (tool: string) => tool.startsWith('read_')

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
    t.ok(decide(READ, 'notes', messages(body), isReadOnly).allowed, JSON.stringify(body))
    t.notOk(decide(new Set(['other', 'other:read', 'note']), 'notes', messages(body), isReadOnly).allowed)
  }
  for (const body of writing) {
    t.notOk(decide(READ, 'notes', messages(body), isReadOnly).allowed, JSON.stringify(body))
  }
  for (const body of [...reading, ...writing]) {
    t.ok(decide(new Set(['notes']), 'notes', messages(body), () => false).allowed)
  }
  t.ok(decide(READ, 'notes', [], isReadOnly).allowed, 'a stream')
  t.notOk(decide(new Set(), 'notes', [], isReadOnly).allowed)
})

t.test('a denial names the scope that is enough for the whole operation', async (t) => {
  const write = messages([call('tools/list'), call('tools/call', { name: 'write_note' })])
  t.match(decide(READ, 'notes', write, isReadOnly), {
    needed: ['notes'],
    description: 'Tool write_note needs more permission',
  })
  t.match(decide(new Set(), 'notes', write, isReadOnly), { needed: ['notes'] })
  t.match(decide(new Set(), 'notes', messages(call('tools/list')), isReadOnly), { needed: ['notes:read'] })
  const odd = messages(call('tools/call', { name: 'x", scope="admin' }))
  t.match(decide(READ, 'notes', odd, isReadOnly), { description: 'This tool needs more permission' })
})

t.test('the tools are asked for only when they decide something', async (t) => {
  const body = messages([
    call('tools/list'),
    call('tools/call', { name: 'a' }),
    call('tools/call', { name: 'b' }),
  ])
  t.same(toolsInQuestion(READ, 'notes', body), ['a', 'b'])
  t.same(toolsInQuestion(new Set(['notes']), 'notes', body), [])
  t.same(toolsInQuestion(READ, 'notes', messages(call('tools/list'))), [])
})

t.test('a denied call is answered by a challenge that leads to the scope', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }], {
    readOnlyTools: async () => new Set(['read_note']),
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
