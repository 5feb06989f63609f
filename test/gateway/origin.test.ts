// Owns the proof that web pages call only when they may, and that those which may can read what they are told.

import t from 'tap'
import { startHostileUpstream } from '../support/hostile-upstream.ts'
import { PUBLIC_URL, send, setStage } from './stage.ts'

const ALLOWED = [
  PUBLIC_URL,
  'https://tools.example',
  'http://localhost:6274',
  'http://localhost',
  'https://localhost:8443',
  'http://127.0.0.1:3000',
  'http://[::1]:5173',
]

const FOREIGN = [
  'https://evil.example',
  'null',
  '',
  'http://gate.example',
  'https://gate.example.evil.example',
  'https://gate.example:8443',
  'https://tools.example.evil',
  'http://localhost.evil.example',
  'http://localhost:80@evil.example',
  'http://evil.example/localhost',
  'http://localhost/',
  'http://127.0.0.1.evil.example',
  'http://127.0.0.2',
  'http://0.0.0.0:3000',
  'file://',
  'chrome-extension://abc',
  'https://gate.example, https://evil.example',
]

t.test('a foreign origin is refused, an allowed one can read every answer', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const token = await stage.token()
  for (const origin of FOREIGN) {
    for (const credentials of [{ token }, {}]) {
      const { status, headers } = await send(stage, { ...credentials, headers: { origin } })
      t.equal(status, 403, origin)
      t.equal(headers['access-control-allow-origin'], undefined)
    }
  }
  t.equal(upstream.arrivals.length, 0)
  for (const origin of ALLOWED) {
    const answers = [
      await send(stage, { token, headers: { origin } }),
      await send(stage, { headers: { origin } }),
      await send(stage, { token: await stage.token({ scope: '' }), headers: { origin } }),
      await send(stage, { token, headers: { origin }, body: '{' }),
      await send(stage, { token, path: '/mcp/no-such', headers: { origin } }),
    ]
    t.same(
      answers.map(({ status }) => status),
      [200, 401, 403, 400, 404],
    )
    for (const { headers } of answers) {
      t.equal(headers['access-control-allow-origin'], origin)
      t.equal(headers.vary, 'Origin')
      t.equal(headers['access-control-allow-credentials'], undefined)
      t.match(
        headers['access-control-expose-headers'],
        'WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version',
      )
    }
  }
})

t.test('what the gateway answers in the place of an upstream can be read too', async (t) => {
  const upstream = await startHostileUpstream(t)
  upstream.answer((_, res) => res.writeHead(302, { location: '/' }).end())
  const stage = await setStage(t, [{ url: upstream.url }])
  const origin = PUBLIC_URL
  const { status, headers } = await send(stage, { token: await stage.token(), headers: { origin } })
  t.equal(status, 502)
  t.equal(headers['access-control-allow-origin'], origin)
})

t.test('a program that is no browser sends no origin and gets no CORS', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const { status, headers } = await send(stage, { token: await stage.token() })
  t.equal(status, 200)
  t.equal(headers['access-control-allow-origin'], undefined)
})

t.test('a preflight from an allowed origin learns all that a client needs', async (t) => {
  const stage = await setStage(t, [{}])
  const asked =
    'authorization, content-type, mcp-protocol-version, mcp-method, mcp-param-region, x-evil, mcp-param-a b'
  const preflight = (origin: string) =>
    send(stage, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': asked },
    })
  for (const origin of ALLOWED) {
    const { status, headers, text } = await preflight(origin)
    t.equal(status, 204)
    t.equal(text, '')
    t.equal(headers['access-control-allow-origin'], origin)
    t.equal(headers['access-control-allow-credentials'], undefined)
    t.equal(headers['access-control-allow-methods'], 'GET, POST, DELETE, OPTIONS')
    const allowed = String(headers['access-control-allow-headers']).toLowerCase().split(', ')
    const needed = [
      'authorization',
      'content-type',
      'accept',
      'mcp-protocol-version',
      'mcp-method',
      'mcp-name',
      'mcp-session-id',
      'last-event-id',
      'dpop',
      'mcp-param-region',
    ]
    for (const name of needed) t.ok(allowed.includes(name), name)
    t.notOk(allowed.includes('x-evil'))
    t.notOk(allowed.some((name) => name.includes(' ')))
  }
  for (const origin of FOREIGN) {
    const { status, headers } = await preflight(origin)
    t.equal(status, 403, origin)
    t.equal(headers['access-control-allow-origin'], undefined)
  }
  t.ok(
    stage.events.every(({ reason }) => reason === 'origin'),
    'a good one is no call',
  )
})
