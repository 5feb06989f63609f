// Owns the proof that metrics count what happened, name nobody, and are told on a port of their own alone.

import { once } from 'node:events'
import { createServer as createHttpServer, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { build } from '../support/gatehouse.ts'
import { freePort } from '../support/local-server.ts'
import { connect } from '../support/sign-in.ts'
import { until } from '../support/until.ts'

const ALICE = 'alice@example.com'
const CLIENT = { capabilities: {}, clientInfo: { name: 'probe', version: '1' } }
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', ...CLIENT },
}

t.test('calls, requests and what the audit records are counted', async (t) => {
  const port = await freePort()
  const { origin, createPerson, browser, app } = await build(t, { env: { METRICS_PORT: String(port) } })
  await createPerson(ALICE)
  const { accessToken, client } = await connect(origin, browser(), ALICE)
  const call = (token: string) => post(`${origin}/mcp`, INITIALIZE, token)
  t.match(await call(accessToken), { status: 200 })
  t.match(await call('made-up'), { status: 401 })

  const response = await fetch(`http://127.0.0.1:${port}/metrics`)
  const text = await response.text()
  t.equal(response.status, 200)
  t.match(response.headers.get('content-type'), /^text\/plain/)
  t.match(text, 'gatehouse_calls_total{upstream="demo",outcome="answered",reason=""} 1')
  t.match(text, 'gatehouse_calls_total{upstream="demo",outcome="refused",reason="token"} 1')
  t.match(text, 'gatehouse_call_duration_seconds_count{upstream="demo"} 2')
  t.match(text, 'gatehouse_audit_events_total{event="token.issued"} 1')
  t.match(text, 'gatehouse_http_request_duration_seconds_count{route="/token",status="200"} 1')
  t.match(text, 'gatehouse_open_streams 0')
  t.match(text, /^gatehouse_database_connections \d+$/m)
  t.match(text, /^process_resident_memory_bytes \d+$/m)
  for (const name of [ALICE, client.client_id, accessToken]) t.notMatch(text, name)

  t.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404)
  t.equal((await fetch(`${origin}/metrics`)).status, 404)
  await app.close()
  await t.rejects(fetch(`http://127.0.0.1:${port}/metrics`))
})

t.test('it is told of each upstream how much is under way there, and whether it is left alone', async (t) => {
  const port = await freePort()
  const waiting: ServerResponse[] = []
  const hanging = createHttpServer((_, res) => void waiting.push(res)).listen(0, '127.0.0.1')
  await once(hanging, 'listening')
  t.teardown(() => {
    hanging.close()
    hanging.closeAllConnections()
  })
  const { port: hangingPort }: AddressInfo = Object(hanging.address())
  const limits = { firstByteTimeout: '1s' }
  const env = {
    METRICS_PORT: String(port),
    UPSTREAMS: JSON.stringify({
      away: { url: 'http://127.0.0.1:9/mcp' },
      slow: { url: `http://127.0.0.1:${hangingPort}/mcp`, limits },
    }),
  }
  const { origin, createPerson, browser } = await build(t, { env })
  await createPerson(ALICE)
  const at = async (name: string) => {
    const resource = `${origin}/mcp/${name}`
    const { accessToken } = await connect(origin, browser(), ALICE, { parameters: { resource, scope: name } })
    return () => post(resource, INITIALIZE, accessToken)
  }
  const told = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const [away, slow] = [await at('away'), await at('slow')]
  for (let n = 0; n < 5; n++) t.match(await away(), { status: 502 })
  t.match(await away(), { status: 503 })
  const call = slow()
  await until('the call is there', async () =>
    /^gatehouse_upstream_calls\{upstream="slow"\} 1$/m.test(await told()),
  )
  t.match(await told(), 'gatehouse_upstream_down{upstream="away"} 1')
  t.match(await told(), 'gatehouse_upstream_down{upstream="slow"} 0')
  t.match(await call, { status: 504 })
  t.match(await told(), 'gatehouse_upstream_calls{upstream="slow"} 0')
  t.match(await told(), 'gatehouse_upstream_streams{upstream="slow"} 0')
})

t.test('paths that strangers make up are one label', async (t) => {
  const port = await freePort()
  const { origin } = await build(t, { env: { METRICS_PORT: String(port) } })
  for (const path of ['/one', '/two']) t.equal((await fetch(origin + path)).status, 404)
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  t.match(text, 'gatehouse_http_request_duration_seconds_count{route="",status="404"} 2')
})

t.test('a port that is taken is said at the start', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const address = taken.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const starting = build(t, { env: { METRICS_PORT: String(port) } })
  await t.rejects(starting, { message: new RegExp(`Port ${port} for metrics cannot be had.*METRICS_PORT`) })
  await t.resolves(build(t, { env: { METRICS_PORT: String(await freePort()) } }))
})

async function post(url: string, message: object, token: string): Promise<{ status: number }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify(message),
  })
  await response.arrayBuffer()
  return { status: response.status }
}
