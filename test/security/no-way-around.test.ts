// Owns the proof that nothing but a token opens an upstream, and that a token opens its own and no other, however it is asked for (TR-22, TR-23, AU-08).

import t, { type Test } from 'tap'
import { sendRaw } from '../gateway/stage.ts'
import { build } from '../support/gatehouse.ts'
import { startHostileUpstream } from '../support/hostile-upstream.ts'
import { mintToken } from '../support/minted-token.ts'

const BODY = '{"jsonrpc":"2.0","id":1,"method":"resources/list"}'
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND']

async function scene(t: Test) {
  const [a, b] = [await startHostileUpstream(t), await startHostileUpstream(t)]
  const env = { UPSTREAMS: JSON.stringify({ a: { url: a.url }, b: { url: b.url } }) }
  const { origin, db, secretKeys } = await build(t, { env })
  const token = await mintToken({ db, secretKeys, issuer: origin }, { aud: `${origin}/mcp/a`, scope: 'a b' })
  const asked = (upstream: typeof a) => upstream.arrivals.filter(({ body }) => body === BODY).length
  const { host } = new URL(origin)
  /** The status, and nothing when the connection was closed without a word. */
  const ask = async (method: string, target: string, lines: readonly string[] = []) => {
    const head = [`Host: ${host}`, 'Connection: close', 'Content-Type: application/json', ...lines]
    const request = `${method} ${target} HTTP/1.1\r\n${head.join('\r\n')}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`
    return Number(/^HTTP\/1\.1 (\d+)/.exec(await sendRaw({ origin }, request, 2000))?.[1])
  }
  return { origin, ask, bearing: `Authorization: Bearer ${token}`, asked: () => [asked(a), asked(b)] }
}

t.test('without a token no method, header or spelling reaches an upstream', async (t) => {
  const { ask, bearing, asked } = await scene(t)
  for (const path of ['/mcp', '/mcp/a', '/mcp/b', '/mcp/a?x=/healthz', '/mcp/a?access_token='])
    for (const method of METHODS)
      t.match(await ask(method, path), path.endsWith('=') ? /^40[01]$/ : /^401$/, `${method} ${path}`)
  const excuses = [
    'User-Agent: kube-probe/1.0',
    'X-Forwarded-Uri: /healthz',
    'X-Original-URL: /healthz',
    'X-Rewrite-URL: /healthz',
    'X-Forwarded-User: alice',
    'X-Remote-User: alice',
    'X-Forwarded-For: 127.0.0.1',
    'X-HTTP-Method-Override: GET',
    'Cookie: access_token=x; session=y',
    'Mcp-Session-Id: x',
    'Authorization: Basic YTpi',
    'Authorization: Bearer',
  ]
  for (const excuse of excuses) t.equal(await ask('POST', '/mcp/a', [excuse]), 401, excuse)
  t.same(asked(), [0, 0])
  t.equal(await ask('POST', '/mcp/a', [bearing, ...excuses.slice(0, 9)]), 200)
  t.same(asked(), [1, 0])
})

t.test('with a token other spellings of a path lead nowhere', async (t) => {
  const { origin, ask, bearing, asked } = await scene(t)
  const spellings = [
    '/mcp/a/',
    '/mcp//a',
    '//mcp/a',
    '/MCP/a',
    '/mcp/A',
    '/mcp/%61',
    '/%6dcp/a',
    '/mcp/a;x=1',
    '/mcp/a%3fx',
    '/mcp/a#x',
    '/mcp\\a',
    '/mcp/b/../a',
    '/mcp/a/../b',
    '/mcp/a/..%2fb',
    '/mcp/a/%2e%2e/b',
    '/mcp/a/%252e%252e/b',
    '/mcp/a/..;/b',
    '/mcp/%c0%ae%c0%ae/b',
    '/./mcp/a',
    '/healthz/../mcp/a',
    '/mcp/a%00',
    '/mcp/a%0d%0aX-Injected:%20y',
    `${origin}/mcp/b/../a`,
    '*',
  ]
  for (const target of spellings) t.match(await ask('POST', target, [bearing]), /^40[04]$/, target)
  t.equal(await ask('POST', 'http://evil.example/mcp/a', [bearing]), 421, 'another host in the target')
  t.equal(await ask('POST', '/mcp/b', [bearing]), 401, 'the other upstream')
  t.same(asked(), [0, 0])
  t.equal(await ask('POST', '/mcp/a', [bearing]), 200)
  t.same(asked(), [1, 0])
})

t.test('a head that is no head of a request is refused before anything is done', async (t) => {
  const { ask, bearing, asked } = await scene(t)
  const heads: Readonly<Record<string, readonly [status: number, lines: readonly string[]]>> = {
    'a folded line': [400, ['X-A: b\r\n c']],
    'a space before the colon': [400, ['X-A : b']],
    'no name': [400, [': b']],
    'a NUL': [400, ['X-A: a\0b']],
    'a line feed alone': [400, ['X-A: a\nX-B: c']],
    'a carriage return alone': [400, ['X-A: a\rX-B: c']],
    'two thousand lines': [431, Array.from({ length: 2000 }, (_, at) => `X-${at}: 1`)],
    'seventeen kilobytes': [431, [`X-A: ${'a'.repeat(17_000)}`]],
    'something expected that nobody knows': [417, ['Expect: 200-ok']],
  }
  for (const [what, [status, lines]] of Object.entries(heads))
    t.equal(await ask('POST', '/mcp/a', [bearing, ...lines]), status, what)
  t.same(asked(), [0, 0])
  t.equal(await ask('POST', '/mcp/a', [bearing, 'X-A: b', 'X-B: \xe9']), 200)
})
