// Owns the proof that a call which goes past the router is still checked, logged once, and answered with the standing headers.

import t from 'tap'
import { build } from '../support/gatehouse.ts'
import { ask } from '../support/replica.ts'

const PROXIED = { 'x-forwarded-for': '203.0.113.7' }

function callsIn(log: string): readonly Record<string, unknown>[] {
  return log
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ msg, url }) => msg === 'call' || String(url).includes('mcp'))
}

t.test('a call leaves one line, with whose address it came from', async (t) => {
  const { origin, log } = await build(t)
  await ask({ port: Number(new URL(origin).port) }, `${origin}/mcp`, { method: 'POST', headers: PROXIED })
  t.match(callsIn(log()), [{ msg: 'call', outcome: 'refused', reason: 'token', ip: '127.0.0.1' }])
})

t.test('behind a proxy that is trusted the address is what the proxy says', async (t) => {
  const { origin, log } = await build(t, { env: { TRUST_PROXY: '1' } })
  await ask({ port: Number(new URL(origin).port) }, `${origin}/mcp?a=b`, { headers: PROXIED })
  t.match(callsIn(log()), [{ msg: 'call', ip: '203.0.113.7' }])
})

t.test('what only looks like the path goes through the router', async (t) => {
  const { origin } = await build(t)
  const port = Number(new URL(origin).port)
  for (const path of ['/mcpx', '/%6Dcp', '//mcp', '/mcp/nowhere']) {
    const { status } = await ask({ port }, `${origin}${path}`)
    t.equal(status, 404, path)
  }
  t.equal((await ask({ port }, `${origin}/mcp`)).status, 401)
})

t.test('on https every answer says so, refusals included', async (t) => {
  const { app } = await build(t, { env: { PUBLIC_URL: 'https://gate.example' } })
  const port = Number(new URL(app.listeningOrigin).port)
  const { status, headers } = await ask({ port }, 'https://gate.example/mcp')
  t.match(
    [status, headers],
    [
      401,
      {
        'strict-transport-security': /max-age=\d+/,
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      },
    ],
  )
})
