// Owns the proof that headers which mirror the body cannot say something else, and that the rest is left to the upstream.

import t from 'tap'
import { decodeMirrored, encodeMirrored } from '../../src/mcp/mirrored.ts'
import { json, startHostileUpstream } from '../support/hostile-upstream.ts'
import { call, errorOf, MODERN, modern, type Sent, send, sendRaw, setStage } from './stage.ts'

async function scene(t: Parameters<typeof startHostileUpstream>[0], scope = 'notes') {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const token = await stage.token({ scope })
  const post = (sent: Sent) => send(stage, { token, ...sent })
  return { upstream, stage, token, post }
}

const encoded = (text: string) => `=?base64?${Buffer.from(text).toString('base64')}?=`

t.test('a header that contradicts the body is refused with the id of the request', async (t) => {
  const { upstream, post } = await scene(t)
  const { body, headers } = modern('tools/call', { name: 'write' }, 'call-7')
  const lies: Record<string, Record<string, string>> = {
    'another method': { 'mcp-method': 'tools/list' },
    'the method in another case': { 'mcp-method': 'Tools/Call' },
    'another name': { 'mcp-name': 'read' },
    'another name, encoded': { 'mcp-name': encoded('read') },
    'a marker in another case': { 'mcp-name': '=?BASE64?d3JpdGU=?=' },
    'Base64 that is none': { 'mcp-name': '=?base64?!!!?=' },
    'Base64 without its padding': { 'mcp-name': '=?base64?d3JpdGU?=' },
    'Base64 of what is not UTF-8': { 'mcp-name': '=?base64?/w==?=' },
    'encoded twice': { 'mcp-name': encoded(encoded('write')) },
    'another version': { 'mcp-protocol-version': '2025-11-25' },
    'a later version': { 'mcp-protocol-version': '2027-01-01' },
  }
  for (const [what, lie] of Object.entries(lies)) {
    const answer = await post({ body, headers: { ...headers, ...lie } })
    t.equal(answer.status, 400, what)
    t.equal(errorOf(answer).code, -32020, what)
    t.equal(answer.json.id, 'call-7')
  }
  t.equal(upstream.arrivals.length, 0)
  t.equal((await post({ body, headers })).status, 200)
  t.equal((await post({ body, headers: { ...headers, 'mcp-name': encoded('write') } })).status, 200)
})

t.test('a request of the modern era says so in its header too, whatever its upstream speaks', async (t) => {
  const { upstream, post } = await scene(t)
  const { body, headers } = modern('tools/call', { name: 'write' }, 'call-8')
  const answer = await post({ body, headers: { ...headers, 'mcp-protocol-version': null } })
  t.equal(answer.status, 400)
  t.match(answer.json, { id: 'call-8', error: { code: -32020, message: /MCP-Protocol-Version is missing/ } })
  t.equal(upstream.arrivals.length, 0)
  t.equal((await post({ body, headers })).status, 200)
  t.equal((await post({ body: call('tools/list') })).status, 200, 'a session needs none')
})

t.test('so is one that was sent twice, even with the same value', async (t) => {
  const { upstream, stage, token } = await scene(t)
  const { body, headers } = modern('tools/call', { name: 'write', arguments: { region: 'eu' } })
  const text = JSON.stringify(body)
  const request = (extra: string) => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    return `POST /mcp/notes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n${lines.join('')}${extra}\r\n${text}`
  }
  const repeated = [
    'Mcp-Method: tools/list\r\n',
    'Mcp-Method: tools/call\r\n',
    'Mcp-Name: read\r\n',
    `MCP-Protocol-Version: ${MODERN}\r\n`,
    'Mcp-Param-Region: eu\r\nMcp-Param-Region: us\r\n',
  ]
  for (const extra of repeated) {
    const heard = await sendRaw(stage, request(extra))
    t.match(heard, /^HTTP\/1\.1 400 /, extra)
    t.match(heard, '"code":-32020')
    t.match(heard, '"id":1')
  }
  t.equal(upstream.arrivals.length, 0)
  t.match(await sendRaw(stage, request('Mcp-Param-Region: eu\r\n')), /^HTTP\/1\.1 200 /)
})

t.test('the headers of every method that passes and has a name are compared with it', async (t) => {
  const { upstream, post } = await scene(t)
  const sources: Record<string, string> = {
    'tools/call': 'name',
    'prompts/get': 'name',
    'resources/read': 'uri',
  }
  for (const [method, member] of Object.entries(sources)) {
    const { body, headers } = modern(method, { [member]: 'mine' })
    t.equal((await post({ body, headers: { ...headers, 'mcp-name': 'other' } })).status, 400, method)
    t.equal((await post({ body, headers: { ...headers, 'mcp-name': 'mine' } })).status, 200, method)
  }
  t.equal(upstream.arrivals.length, 3)
})

t.test('the body decides what is allowed, whatever version or headers say', async (t) => {
  const { upstream, post } = await scene(t, 'notes:read')
  const writing = call('tools/call', { name: 'write' })
  const disguises: Sent[] = [
    { body: writing },
    { body: writing, headers: { 'mcp-protocol-version': '2025-03-26' } },
    { body: writing, headers: { 'mcp-protocol-version': '2025-03-26', 'mcp-name': 'write' } },
    { body: [call('tools/list'), writing], headers: {} },
    { body: writing, headers: { 'mcp-protocol-version': MODERN } },
  ]
  for (const disguise of disguises) t.equal((await post(disguise)).status, 403)
  const listed = { 'mcp-method': 'tools/list', 'mcp-protocol-version': '2025-03-26' }
  t.equal((await post({ body: writing, headers: listed })).status, 400)
  t.ok(upstream.arrivals.every(({ body }) => !body.includes('"write"')))
})

t.test('what is missing or not supported is the upstream’s to say', async (t) => {
  const { upstream, post } = await scene(t)
  upstream.answer((_, res) =>
    json(res, 400, { jsonrpc: '2.0', id: 1, error: { code: -32099, message: 'theirs' } }),
  )
  const { body, headers } = modern('tools/call', { name: 'x' })
  const without = (name: string) => ({ body, headers: { ...headers, [name]: null } })
  const old = modern('tools/list')
  const cases: Record<string, Sent> = {
    'no method': without('mcp-method'),
    'no name': without('mcp-name'),
    'no _meta': { body: call('tools/call', { name: 'x' }), headers },
    'an empty _meta': { body: call('tools/call', { name: 'x', _meta: {} }), headers },
    'no name in the body': { body: modern('tools/call').body, headers },
    'a version that nobody supports': {
      body: JSON.stringify(old.body).replace(MODERN, '1900-01-01'),
      headers: { ...old.headers, 'mcp-protocol-version': '1900-01-01' },
    },
    'a method that nobody has': modern('no/such/method'),
    'an initialize in modern dress': {
      body: call('initialize', {}),
      headers: { 'mcp-protocol-version': MODERN },
    },
  }
  for (const [what, sent] of Object.entries(cases)) {
    const answer = await post(sent)
    t.equal(errorOf(answer).code, -32099, what)
  }
})

t.test('values are decoded as they were encoded', async (t) => {
  t.equal(decodeMirrored('us-west1'), 'us-west1')
  t.equal(decodeMirrored('=?base64?SGVsbG8sIOS4lueVjA==?='), 'Hello, 世界')
  t.equal(decodeMirrored('=?base64?IHBhZGRlZCA=?='), ' padded ')
  t.equal(decodeMirrored('=?base64?bGluZTEKbGluZTI=?='), 'line1\nline2')
  t.equal(decodeMirrored('=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?='), '=?base64?literal?=')
  t.equal(decodeMirrored('=?base64??='), '')
  t.equal(decodeMirrored('=?base64?'), '=?base64?', 'no end, so no marker')
  t.equal(decodeMirrored('=?base64?SGVsbG8?='), null)
  t.equal(decodeMirrored('=?base64?SGVs bG8=?='), null)
  t.equal(decodeMirrored('=?base64?SGVsbG9=?='), null, 'bits that mean nothing')
  t.equal(decodeMirrored('=?base64?/w==?='), null)
})

t.test('a value is wrapped only where it has to be, and is itself again afterwards', async (t) => {
  for (const value of ['us-west1', 'a b\tc', 'file:///a?b=1', '=?base64?'])
    t.equal(encodeMirrored(value), value)
  t.equal(encodeMirrored('Hello, 世界'), '=?base64?SGVsbG8sIOS4lueVjA==?=')
  t.equal(encodeMirrored('=?base64?literal?='), '=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=')
  for (const value of ['', ' padded ', 'line1\nline2', '=?base64?SGVsbG8?=', '\u0000', '\u{1f600}']) {
    t.not(encodeMirrored(value), value)
    t.equal(decodeMirrored(encodeMirrored(value)), value)
  }
})
