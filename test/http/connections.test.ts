// Owns the proof that what an upstream answers is read within bounds, and that leaving it is closing its connection.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import t, { type Test } from 'tap'
import { readEvents, readJson, UnreadableAnswer } from '../../src/http/answer-body.ts'
import { ConnectionFailure, type ConnectionLimits, createConnections } from '../../src/http/connections.ts'
import { listenLocally, serveLocally } from '../support/local-server.ts'

type Handler = (req: IncomingMessage, res: ServerResponse) => void

async function stage(t: Test, handler: Handler, limits: Partial<ConnectionLimits> = {}) {
  const server = createServer(handler)
  const origin = await serveLocally(t, server)
  const connections = createConnections(limits)
  t.teardown(() => connections.close())
  const url = `${origin}/mcp?tenant=1`
  const get = (signal = new AbortController().signal) =>
    connections.request({ method: 'GET', url, headers: { 'x-one': '1' }, body: null, signal })
  return { server, get }
}

t.test('a request arrives as it was made, and a redirect is an answer', async (t) => {
  const { get } = await stage(t, (req, res) => {
    res.writeHead(302, { location: '/elsewhere', 'content-type': 'application/json' })
    res.end(JSON.stringify({ method: req.method, url: req.url, one: req.headers['x-one'] }))
  })
  const { status, body } = await get()
  t.equal(status, 302)
  t.same(await readJson(body, 1000), { method: 'GET', url: '/mcp?tenant=1', one: '1' })
})

t.test('JSON is read up to the limit and refused beyond it', async (t) => {
  const { get } = await stage(t, (_req, res) => void res.end(JSON.stringify('x'.repeat(98))))
  t.equal(await readJson((await get()).body, 100), 'x'.repeat(98))
  await t.rejects(readJson((await get()).body, 99), UnreadableAnswer)
})

t.test('an answer that stops half-way is given up', async (t) => {
  const { get } = await stage(t, (_req, res) => void res.write('{"half":'))
  await t.rejects(readJson((await get()).body, 100, { stalledMs: 50 }), {
    name: 'ConnectionFailure',
    reason: 'timed_out',
  })
})

t.test('an upstream that is not there, does not answer, or breaks off', async (t) => {
  const { server, get } = await stage(t, () => undefined, { firstByteTimeoutMs: 100 })
  await t.rejects(get(), { name: 'ConnectionFailure', reason: 'timed_out' })
  await new Promise<unknown>((resolve) => {
    server.close(resolve)
    server.closeAllConnections()
  })
  await t.rejects(get(), { name: 'ConnectionFailure', reason: 'unreachable' })
  const broken = await stage(t, (_req, res) => void res.write('data: 1\n\n'))
  const events = readEvents((await broken.get()).body, { maxBytes: 100 })
  t.match(await events.next(), { value: { data: '1' } })
  broken.server.closeAllConnections()
  await t.rejects(events.next(), ConnectionFailure)
})

t.test('of a request that failed it is known how far it came', async (t) => {
  const { server, get } = await stage(t, (req, res) => {
    if (req.headers['x-one'] === '1') req.socket.resetAndDestroy()
    else res.end()
  })
  await t.rejects(get(), { name: 'ConnectionFailure', when: 'unanswered' })
  await new Promise<unknown>((resolve) => {
    server.close(resolve)
    server.closeAllConnections()
  })
  await t.rejects(get(), { name: 'ConnectionFailure', when: 'unsent' })
  // It hangs up on whoever says hello.
  const rude = createTcpServer((socket) => void socket.once('data', () => socket.resetAndDestroy()))
  const port = await listenLocally(rude)
  t.teardown(() => rude.close())
  const connections = createConnections()
  t.teardown(() => connections.close())
  const to = (scheme: string) => {
    const { signal } = new AbortController()
    return connections.request({
      method: 'GET',
      url: `${scheme}://127.0.0.1:${port}/`,
      headers: {},
      body: null,
      signal,
    })
  }
  await t.rejects(to('https'), { name: 'ConnectionFailure', reason: 'unreachable', when: 'unsent' })
  await t.rejects(to('http'), { name: 'ConnectionFailure', reason: 'unreachable', when: 'unanswered' })
  const half = await stage(t, (_req, res) => {
    res.write('{')
  })
  const { body } = await half.get()
  half.server.closeAllConnections()
  await t.rejects(readJson(body, 100), { name: 'ConnectionFailure', when: 'answering' })
})

t.test('events come one by one with their ids, and one that is too large ends the stream', async (t) => {
  let goOn: () => void = () => undefined
  const { get } = await stage(t, (_req, res) => {
    goOn = () => void res.write(`data: ${'x'.repeat(200)}`)
    res.write(': hello\n\nretry: 1500\nid: a\ndata: é\n\nevent: endpoint\ndata: 1\ndata: 2\n\n')
  })
  const waits: number[] = []
  const events = readEvents((await get()).body, { maxBytes: 100, onRetry: (ms) => void waits.push(ms) })
  t.same((await events.next()).value, { id: 'a', type: undefined, data: 'é' })
  t.same((await events.next()).value, { id: undefined, type: 'endpoint', data: '1\n2' })
  t.same(waits, [1500])
  goOn()
  await t.rejects(events.next(), UnreadableAnswer)
})

t.test('leaving the loop, or aborting the request, closes the connection', async (t) => {
  const closed: Promise<unknown>[] = []
  const { get } = await stage(t, (_req, res) => {
    closed.push(once(res, 'close'))
    res.write('data: 1\n\n')
  })
  for await (const { data } of readEvents((await get()).body, { maxBytes: 100 })) {
    t.equal(data, '1')
    break
  }
  await closed[0]
  const leaving = new AbortController()
  const { body } = await get(leaving.signal)
  leaving.abort()
  await closed[1]
  await t.rejects(readJson(body, 100))
})
