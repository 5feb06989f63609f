// Owns the promises about upstreams of 2024-11-05: one stream, one place for messages, both at one origin and with our headers.

import t from 'tap'
import { createConnections } from '../../src/http/connections.ts'
import { PeerFailure } from '../../src/mcp/peer.ts'
import { openSseChannels, type SseChannelNeeds } from '../../src/upstreams/legacy/sse-channel.ts'
import { createUpstream } from '../../src/upstreams/settings.ts'
import { type Script, startHostileUpstream } from '../support/hostile-upstream.ts'
import { initialize, openChannel } from '../support/programs/channel.ts'
import { startSseServer } from '../support/sse-server.ts'
import { until } from '../support/until.ts'

function stage(t: { teardown(close: () => Promise<void>): unknown }, needs: Partial<SseChannelNeeds> = {}) {
  const connections = createConnections()
  t.teardown(() => connections.close())
  return openSseChannels({ connections, ...needs })
}

function upstreamAt(url: string, headers: Readonly<Record<string, string>> = {}) {
  return createUpstream({ kind: 'sse', name: 'old', title: 'Old', url, headers })
}

t.test('a server on the SDK is spoken to, with the headers on the stream and on every message', async (t) => {
  const server = await startSseServer()
  t.teardown(() => server.close())
  const open = stage(t)
  const heard = await openChannel(open, upstreamAt(server.url, { 'x-api-key': 'k' }))
  t.match(await initialize(heard), { result: { serverInfo: { name: 'old' } } })
  heard.channel.speak('2024-11-05')
  t.match(await heard.ask('tools/call', { name: 'hello', arguments: { name: 'Ann' } }), {
    result: { content: [{ text: 'Hello Ann' }] },
  })
  t.same(
    server.seen.map(({ method, headers }) => [method, headers['x-api-key']]),
    [
      ['GET', 'k'],
      ['POST', 'k'],
      ['POST', 'k'],
      ['POST', 'k'],
    ],
  )
  t.equal(await heard.channel.hear(), true)
  await heard.channel.close()
  await until('the session is over', () => server.sessionCount() === 0)
  t.same(heard.failures, [])
})

t.test('what is presented for a person is presented with the stream and with every message', async (t) => {
  const server = await startSseServer()
  t.teardown(() => server.close())
  let asked = 0
  const credential = async () => ({
    kind: 'header' as const,
    name: 'authorization',
    value: `Bearer ${++asked}`,
  })
  const events = { message: () => undefined, broken: () => undefined, closed: () => undefined }
  const { signal } = new AbortController()
  const upstream = upstreamAt(server.url, { authorization: 'Basic static' })
  const channel = await stage(t)({ upstream, credential, events, signal })
  await channel.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  t.same(
    server.seen.map(({ headers }) => headers.authorization),
    ['Bearer 1', 'Bearer 2'],
  )
  await channel.close()
})

t.test('a session ends with its stream, and the next one is another', async (t) => {
  const server = await startSseServer()
  t.teardown(() => server.close())
  const open = stage(t)
  const heard = await openChannel(open, upstreamAt(server.url))
  await initialize(heard)
  server.forgetSessions()
  await until('the end', () => heard.failures.length > 0)
  t.match(heard.failures, [{ reason: 'unreachable' }])
  t.equal(heard.failures.length, 1)
  await t.rejects(heard.channel.send({ jsonrpc: '2.0', method: 'x' }))
  const again = await openChannel(open, upstreamAt(server.url))
  t.match(await initialize(again), { result: {} })
  await again.channel.close()
})

const stream =
  (text: string): Script =>
  (arrival, res) => {
    if (arrival.method !== 'GET') return void res.writeHead(202).end()
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.write(text)
  }

t.test('messages go to the origin of the stream and to no other', async (t) => {
  const upstream = await startHostileUpstream(t)
  const open = stage(t)
  for (const endpoint of [
    'http://127.0.0.1:9/x',
    '//evil.example/x',
    'https://evil.example',
    'file:///x',
    'http://',
  ]) {
    upstream.answer(stream(`event: endpoint\ndata: ${endpoint}\n\n`))
    await t.rejects(openChannel(open, upstreamAt(upstream.url)), new PeerFailure('answer'), endpoint)
  }
  for (const endpoint of ['/x?session=1', 'x', new URL('/y', upstream.url).href]) {
    upstream.answer(stream(`event: endpoint\ndata: ${endpoint}\n\n`))
    const { channel } = await openChannel(open, upstreamAt(upstream.url))
    await channel.send({ jsonrpc: '2.0', method: 'x' })
    await channel.close()
  }
})

t.test('an upstream that is not one of these is a failure of the opening', async (t) => {
  const upstream = await startHostileUpstream(t)
  const open = stage(t, { endpointMs: 1500, maxBytes: 10_000 })
  const cases: readonly [string, PeerFailure['reason'], Script][] = [
    ['no endpoint', 'timed_out', stream(': hello\n\n')],
    [
      'an end before it',
      'answer',
      (_, res) => void res.writeHead(200, { 'content-type': 'text/event-stream' }).end(),
    ],
    ['an endless event', 'answer', stream(`data: ${'a'.repeat(20_000)}`)],
    ['JSON', 'answer', (_, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('{}')],
    ['401', 'credentials', (_, res) => void res.writeHead(401).end()],
    ['404', 'answer', (_, res) => void res.writeHead(404).end()],
    ['503', 'unreachable', (_, res) => void res.writeHead(503).end()],
    ['a redirect', 'answer', (_, res) => void res.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()],
  ]
  for (const [what, reason, script] of cases) {
    upstream.answer(script)
    await t.rejects(openChannel(open, upstreamAt(upstream.url)), new PeerFailure(reason), what)
  }
  await t.rejects(openChannel(open, upstreamAt('http://127.0.0.1:9/sse')), new PeerFailure('unreachable'))
  upstream.answer(stream('event: endpoint\ndata: /x\n\n'))
  const { channel } = await openChannel(open, upstreamAt(upstream.url))
  await channel.close()
})

t.test('what is too large, or not JSON-RPC, ends the session', async (t) => {
  const upstream = await startHostileUpstream(t)
  const open = stage(t, { maxBytes: 10_000 })
  for (const text of [`data: "${'a'.repeat(20_000)}"\n\n`, 'data: nonsense\n\n', 'data: 3\n\n']) {
    upstream.answer(stream(`event: endpoint\ndata: /x\n\ndata: {"id":1}\n\n${text}`))
    const { failures, messages } = await openChannel(open, upstreamAt(upstream.url))
    await until('the failure', () => failures.length > 0)
    t.match(failures, [{ reason: 'answer' }])
    t.ok(messages.length <= 1)
  }
})

t.test('an opening that is given up is closed, one that is done is not', async (t) => {
  const server = await startSseServer()
  t.teardown(() => server.close())
  const open = stage(t)
  const early = AbortSignal.abort(new Error('left'))
  await t.rejects(openChannel(open, upstreamAt(server.url), early), { message: 'left' })
  const late = new AbortController()
  const heard = await openChannel(open, upstreamAt(server.url), late.signal)
  late.abort()
  t.match(await initialize(heard), { result: {} })
  await heard.channel.close()
})
