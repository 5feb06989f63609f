// Owns the proof that only unambiguous JSON-RPC reaches an upstream, and that what is refused is refused in the protocol.

import t from 'tap'
import { countMembers } from '../../src/gateway/json-shape.ts'
import { startHostileUpstream } from '../support/hostile-upstream.ts'
import { call, errorOf, modern, notification, type Sent, send, setStage } from './stage.ts'

async function scene(t: Parameters<typeof startHostileUpstream>[0], limits = {}) {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }], { limits })
  const token = await stage.token()
  const post = (body: unknown, sent: Sent = {}) => send(stage, { token, ...sent, body })
  return { upstream, post }
}

t.test('what is not one clear message is refused', async (t) => {
  const { upstream, post } = await scene(t)
  const invalid: Record<string, unknown> = {
    'a text': '"tools/list"',
    'a number': '7',
    null: 'null',
    'another JSON-RPC': { jsonrpc: '1.0', id: 1, method: 'ping' },
    'no JSON-RPC': { id: 1, method: 'ping' },
    'nothing but a version': { jsonrpc: '2.0' },
    'id null': call('ping', {}, null),
    'id 1.5': call('ping', {}, 1.5),
    'id 1e400': '{"jsonrpc":"2.0","id":1e400,"method":"ping"}',
    'an object as id': call('ping', {}, {}),
    'an id of 1 MB': call('ping', {}, 'x'.repeat(1024 * 1024)),
    'params as a text': { jsonrpc: '2.0', id: 1, method: 'ping', params: 'x' },
    'params as a list': { jsonrpc: '2.0', id: 1, method: 'ping', params: [] },
    'a method of 10 KB': call('x'.repeat(10_240)),
    'an empty method': call(''),
    'a number as method': { jsonrpc: '2.0', id: 1, method: 7 },
    'a call with a result': { jsonrpc: '2.0', id: 1, method: 'ping', result: {} },
    'a response with both': { jsonrpc: '2.0', id: 1, result: {}, error: { code: 1, message: '' } },
    'a response without an id': { jsonrpc: '2.0', result: {} },
    'two methods': '{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"tools/list"}',
    'two methods, one of them escaped':
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","metho\\u0064":"tools/list"}',
    'two names': '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","name":"read"}}',
    'two params':
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}',
    'a Method': '{"jsonrpc":"2.0","id":1,"method":"tools/list","Method":"tools/call"}',
    paramſ: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{},"param\u017f":{"name":"write"}}',
    'a Name': '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","NAME":"write"}}',
    'a taſKid': '{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"ta\u017f\u212aid":"other"}}',
  }
  for (const [what, body] of Object.entries(invalid)) {
    const answer = await post(body)
    t.equal(answer.status, 400, what)
    t.equal(errorOf(answer).code, -32600, what)
  }
  const unreadable: Record<string, string | Buffer> = {
    nothing: '',
    'half of it': '{"jsonrpc":"2.0",',
    'two of them': '{}{}',
    'a byte order mark': '\ufeff{}',
    'not UTF-8': Buffer.from('{"jsonrpc":"2.0","id":1,"method":"\xff"}', 'latin1'),
  }
  for (const [what, body] of Object.entries(unreadable)) {
    const answer = await post(body)
    t.equal(answer.status, 400, what)
    t.equal(errorOf(answer).code, -32700, what)
    t.equal(answer.json.id, null)
  }
  t.equal(upstream.arrivals.length, 0)
})

t.test('an error names the request that it answers, where there is one to name', async (t) => {
  const { post } = await scene(t)
  t.equal((await post({ jsonrpc: '2.0', id: 'seven', method: 7 })).json.id, 'seven')
  const long = await post('{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}')
  t.match(errorOf(long).message, '2^53 - 1', 'and an id that would be rounded is told what it may be')
  t.equal((await post({ jsonrpc: '2.0', id: {}, method: 7 })).json.id, null)
})

t.test('what is unusual but clear passes byte for byte', async (t) => {
  const { upstream, post } = await scene(t)
  const fine: Record<string, unknown> = {
    'an id that is a text': call('ping', {}, 'a'),
    'a negative id': call('ping', {}, -1),
    'id 0': call('ping', {}, 0),
    'an unknown member': { ...call('ping'), vendor: true },
    'spaces, numbers and escapes':
      '\r\n {"jsonrpc":"2.0", "id":1,"method":"tools\\/call","params":{"name":"x","arguments":{"n":1.0,"big":12345678901234567890,"s":"\\u007b[:\\""}}}\t',
    'names that repeat further inside':
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":1,"a":2}}}',
    'a member called __proto__':
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","__proto__":{"name":"y"}}}',
    'colons and braces in texts': call('tools/call', { name: '{"a":{":[' }),
    'a response': { jsonrpc: '2.0', id: 1, result: {} },
    'an error response': { jsonrpc: '2.0', id: 'x', error: { code: 1, message: '' } },
    'a notification': notification('notifications/cancelled', { requestId: 1 }),
  }
  for (const [what, body] of Object.entries(fine)) {
    t.match((await post(body)).status, /^20[02]$/, what)
    t.equal(upstream.arrivals.at(-1)?.body, typeof body === 'string' ? body : JSON.stringify(body), what)
  }
})

t.test('batches belong to 2025-03-26', async (t) => {
  const { upstream, post } = await scene(t)
  const batch = [call('ping', {}, 1), notification('notifications/initialized')]
  const in2025 = (version: string) => ({ headers: { 'mcp-protocol-version': version } })
  t.equal((await post(batch)).status, 200, 'a request without the header speaks it')
  t.equal((await post(batch, in2025('2025-03-26'))).status, 200)
  t.equal((await post([notification('notifications/initialized')])).status, 202)
  t.equal(upstream.arrivals.length, 3)
  for (const version of ['2025-06-18', '2025-11-25', '2026-07-28', 'unheard-of']) {
    t.equal((await post(batch, in2025(version))).status, 400, version)
  }
  const bad: Record<string, unknown> = {
    empty: [],
    'a batch inside': [batch],
    'something else inside': [call('ping'), 7],
    'a wrong message inside': [call('ping'), { jsonrpc: '2.0', id: 1 }],
    'a name twice inside':
      '[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}]',
    'too many': Array.from({ length: 101 }, (_, id) => call('ping', {}, id)),
  }
  for (const [what, body] of Object.entries(bad)) t.equal((await post(body)).status, 400, what)
  t.equal(upstream.arrivals.length, 3)
  t.equal((await post(Array.from({ length: 100 }, (_, id) => call('ping', {}, id)))).status, 200)
})

t.test('in the modern era a client posts no responses', async (t) => {
  const { upstream, post } = await scene(t)
  const { headers } = modern('ping')
  const { 'mcp-method': _, ...others } = headers
  t.equal((await post({ jsonrpc: '2.0', id: 1, result: {} }, { headers: others })).status, 400)
  t.equal(upstream.arrivals.length, 0)
})

t.test('a body has a size and a depth', async (t) => {
  const { upstream, post } = await scene(t, { maxBodyBytes: 400_000 })
  const nested = (depth: number) =>
    `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`
  t.equal((await post(nested(98))).status, 200)
  t.equal((await post(nested(99))).status, 400)
  const started = performance.now()
  t.equal((await post('['.repeat(150_000))).status, 400)
  t.equal((await post(`{"a":`.repeat(60_000))).status, 400)
  t.ok(performance.now() - started < 5000)
  const text = (size: number) => call('tools/call', { name: 'x', arguments: { text: 'x'.repeat(size) } })
  t.equal((await post(text(390_000))).status, 200)
  const large = await post(text(400_000))
  t.equal(large.status, 413)
  t.equal(large.headers.connection, 'close')
  const chunked = { headers: { 'transfer-encoding': 'chunked' } }
  t.equal((await post(text(390_000), chunked)).status, 200)
  t.equal((await post(text(800_000), chunked).catch(() => ({ status: 413 }))).status, 413)
  t.equal(upstream.arrivals.length, 3)
})

t.test('a message has so many members, and its arguments may have more', async (t) => {
  const { upstream, post } = await scene(t)
  const members = (count: number) => Array.from({ length: count }, (_, at) => `"${at * 65_536}":1`).join(',')
  const calling = (params: string, more = '') =>
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x",${params}}${more}}`
  for (const much of [calling(members(250_000)), calling(members(1), `,${members(250_000)}`)])
    t.equal((await post(much)).status, 400)
  t.equal(upstream.arrivals.length, 0)
  t.equal((await post(calling(members(4000)))).status, 200)
  t.equal((await post(calling(`"arguments":{${members(50_000)}}`))).status, 200)
})

t.test('members are counted where they decide something', async (t) => {
  const count = (text: string) => countMembers(Buffer.from(text), 10)?.total
  t.equal(count('{"a":1,"b":{"c":1,"d":{"e":1}}}'), 4)
  t.equal(count('[{"a":1,"b":{"c":1,"d":{"e":1}}}]'), 4)
  t.equal(count('{"a:":"\\":{","b\\\\":[{"c":1}]}'), 2)
  t.equal(count('"unterminated'), 0)
  t.equal(count(''), 0)
  t.equal(count('['.repeat(10)), 0)
  t.equal(count('['.repeat(11)), undefined)
})
