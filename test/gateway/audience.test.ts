// Owns the proof that a token, a path and an upstream belong together, and that nothing else in a request moves them.

import t from 'tap'
import { type HostileUpstream, startHostileUpstream } from '../support/hostile-upstream.ts'
import { PUBLIC_URL, type Stage, send, sendRaw, setStage, type Teardown } from './stage.ts'

const NAMES = ['a', 'b', 'c']

interface Several {
  readonly stage: Stage
  readonly upstreams: ReadonlyMap<string, HostileUpstream>
  tokenFor(name: string): Promise<string>
}

async function several(t: Teardown): Promise<Several> {
  const upstreams = new Map<string, HostileUpstream>()
  for (const name of NAMES) upstreams.set(name, await startHostileUpstream(t))
  const stage = await setStage(
    t,
    [...upstreams].map(([name, { url }]) => ({ name, url })),
  )
  const tokenFor = (name: string) => stage.token({ aud: `${PUBLIC_URL}/mcp/${name}`, scope: 'a b c' })
  return { stage, upstreams, tokenFor }
}

t.test('a token for one upstream is good there and nowhere else', async (t) => {
  const { stage, upstreams, tokenFor } = await several(t)
  for (const mine of NAMES) {
    for (const there of NAMES) {
      const { status, headers } = await send(stage, { token: await tokenFor(mine), path: `/mcp/${there}` })
      t.equal(status, mine === there ? 200 : 401, `${mine} at ${there}`)
      if (mine === there) continue
      t.match(headers['www-authenticate'], `oauth-protected-resource/mcp/${there}"`)
      t.match(headers['www-authenticate'], `scope="${there}:read"`)
    }
  }
  for (const name of NAMES) t.equal(upstreams.get(name)?.arrivals.length, 1, `${name} saw its own call`)
})

t.test('with several upstreams /mcp is a resource of its own, with the scopes of all', async (t) => {
  const { stage, tokenFor } = await several(t)
  const all = await stage.token({ aud: `${PUBLIC_URL}/mcp`, scope: 'a b c' })
  const refused = await send(stage, { token: await tokenFor('a'), path: '/mcp' })
  t.equal(refused.status, 401)
  t.match(refused.headers['www-authenticate'], 'oauth-protected-resource/mcp"')
  t.match(refused.headers['www-authenticate'], 'scope="a:read b:read c:read"')
  t.not((await send(stage, { token: all, path: '/mcp' })).status, 401)
  for (const name of NAMES) t.equal((await send(stage, { token: all, path: `/mcp/${name}` })).status, 401)
})

t.test('with one upstream /mcp and its own path are two resources', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const short = await stage.token({ aud: `${PUBLIC_URL}/mcp` })
  const long = await stage.token()
  const status = async (token: string, path: string) => (await send(stage, { token, path })).status
  t.equal(await status(short, '/mcp'), 200)
  t.equal(await status(long, '/mcp/notes'), 200)
  t.equal(await status(short, '/mcp/notes'), 401)
  t.equal(await status(long, '/mcp'), 401)
  t.equal(upstream.arrivals.length, 2)
})

t.test('other spellings of a path lead nowhere', async (t) => {
  const { stage, upstreams, tokenFor } = await several(t)
  const token = await tokenFor('a')
  const spellings = [
    '/mcp/a/../b',
    '/mcp/a/..%2fb',
    '/mcp/%2e%2e/mcp/b',
    '/mcp//b',
    '//mcp/b',
    '/mcp/a;/../b',
    '/mcp/B',
    '/mcp/b/',
    '/mcp/a/',
    '/mcp/',
    '/mcp/%61',
    '/mcp/a%00',
    '/mcp/a%0d%0aX:y',
    '/mcp/a/admin',
    '/mcp/a%2fadmin',
    '/mcp/..%5cb',
    '/mcp/a#b',
    '/Mcp/a',
    'http://evil.example/mcp/a',
  ]
  const head = (path: string) =>
    `POST ${path} HTTP/1.1\r\nHost: gate.example\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n`
  const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
  const request = (path: string) =>
    `${head(path)}Connection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  for (const path of spellings) t.match(await sendRaw(stage, request(path)), /^HTTP\/1\.1 40[04] /, path)
  for (const name of NAMES) t.equal(upstreams.get(name)?.arrivals.length, 0)
  t.match(await sendRaw(stage, request('/mcp/a')), /^HTTP\/1\.1 200 /)
})

t.test('no header and no query chooses the upstream', async (t) => {
  const { stage, upstreams, tokenFor } = await several(t)
  const answer = await send(stage, {
    token: await tokenFor('a'),
    path: '/mcp/a?upstream=b&target=http://127.0.0.1/',
    headers: {
      host: 'b',
      'x-upstream': 'b',
      'mcp-init-host': 'b',
      'router-key': 'secret-api-key',
      'x-forwarded-host': 'b',
      'x-original-url': '/mcp/b',
      'x-rewrite-url': '/mcp/b',
      'mcp-param-upstream': 'b',
    },
  })
  t.equal(answer.status, 200)
  t.equal(upstreams.get('a')?.arrivals.length, 1)
  t.equal(upstreams.get('b')?.arrivals.length, 0)
})

t.test('upstreams can be exchanged while it runs', async (t) => {
  const [first, second] = [await startHostileUpstream(t), await startHostileUpstream(t)]
  const stage = await setStage(t, [{ url: first.url }])
  const token = await stage.token()
  t.equal((await send(stage, { token })).status, 200)
  t.throws(() => stage.registry.replace([{ name: 'notes', url: 'no URL', title: '', headers: {} }]))
  t.equal((await send(stage, { token })).status, 200, 'what could not be read changed nothing')
  stage.registry.replace([
    { name: 'notes', url: second.url, title: 'Notes', headers: {} },
    { name: 'more', url: first.url, title: 'More', headers: {} },
  ])
  t.equal((await send(stage, { token })).status, 200)
  t.equal((await send(stage, { token, path: '/mcp' })).status, 401)
  t.equal(first.arrivals.length, 2)
  t.equal(second.arrivals.length, 1)
})
