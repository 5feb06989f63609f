// Owns the proof that 2025-era sessions of the demo upstream begin, resume, are told of changes, and end.

import t, { type Test } from 'tap'
import { createEndpoint } from '../../src/demo/endpoint.ts'
import { listen } from '../../src/demo/listen.ts'
import { buildDemoServer } from '../../src/demo/mcp-server.ts'
import { createNotebook } from '../../src/demo/notebook.ts'
import { startDemoUpstream } from '../../src/demo/server.ts'
import type { SessionLimits } from '../../src/demo/sessions.ts'
import { type Event, events, INITIALIZE, openSession, openStream, post, request } from './wire.ts'

const PING = request(7, 'ping')

async function start(t: Test, sessionLimits: Partial<SessionLimits> = {}) {
  const notebook = createNotebook()
  const endpoint = createEndpoint((era) => buildDemoServer(era, notebook), { sessionLimits })
  const listening = await listen(endpoint, '127.0.0.1', 0)
  t.teardown(() => listening.close())
  return { url: listening.url, endpoint, notebook }
}

t.test('a session begins with initialize, answers, and ends with DELETE', async (t) => {
  const { url, endpoint } = await start(t)
  const session = await openSession(url)
  t.match(session['mcp-session-id'], /^[0-9a-f-]{36}$/)
  t.equal((await post(url, PING, session)).status, 200)
  t.equal(endpoint.sessions.count(), 1)

  const ended = await fetch(url, { method: 'DELETE', headers: session })
  t.equal(ended.status, 200)
  t.equal(
    (await post(url, PING, session)).status,
    404,
    'an ended session tells the client to initialize again',
  )
  t.equal(endpoint.sessions.count(), 0)
})

t.test('a request that belongs to no session is refused', async (t) => {
  const { url, endpoint } = await start(t)
  t.equal((await post(url, PING)).status, 400, 'no session id')
  t.equal((await post(url, PING, { 'mcp-session-id': 'guessed' })).status, 404, 'a guessed session id')
  t.equal((await openStream(url, {})).status, 400, 'a stream without a session')
  t.equal((await post(url, INITIALIZE, { accept: 'text/plain' })).status, 406)
  t.equal(endpoint.sessions.count(), 0, 'an initialize that was refused leaves nothing behind')
  t.equal((await post(url, INITIALIZE)).status, 200)
})

t.test('a subscriber hears of a change on its stream, and nobody else does', async (t) => {
  const { url, notebook } = await start(t)
  const [subscriber, stranger] = [await openSession(url), await openSession(url)]
  await post(url, request(2, 'resources/subscribe', { uri: 'demo://notes' }), subscriber)
  const leaving = new AbortController()
  const stream = await openStream(url, subscriber, leaving.signal)
  const silent = await openStream(url, stranger, leaving.signal)
  t.equal(stream.status, 200, 'the headers of a silent stream arrive at once')
  t.equal((await openStream(url, subscriber)).status, 409, 'one stream per session')

  notebook.add('new')
  const heard = await events(stream).next()
  t.match(heard.value?.data, 'notifications/resources/updated')
  const first = await Promise.race([events(silent).next(), post(url, PING, stranger).then(() => 'nothing')])
  t.equal(first, 'nothing')
  leaving.abort()
})

t.test('subscribing to something that does not exist is refused', async (t) => {
  const { url } = await start(t)
  const session = await openSession(url)
  const refused = await post(url, request(2, 'resources/subscribe', { uri: 'demo://nothing' }), session)
  t.match(await refused.text(), '-32602')
  const accepted = await post(url, request(3, 'resources/subscribe', { uri: 'demo://notes' }), session)
  t.match(await accepted.text(), '"result":{}')
})

t.test('a client that lost its stream gets the rest with Last-Event-ID', async (t) => {
  const { url } = await start(t)
  const session = await openSession(url)
  const leaving = new AbortController()
  const call = request(9, 'tools/call', { name: 'countdown', arguments: { from: 3, interval_ms: 20 } })
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...session,
  }
  const lost = await fetch(url, {
    method: 'POST',
    headers,
    body: JSON.stringify(call),
    signal: leaving.signal,
  })
  const first = await events(lost).next()
  t.equal(first.value?.data, '', 'the first event only carries the id to resume from')
  leaving.abort()

  const resumed = await resume(url, { ...session, 'last-event-id': first.value?.id ?? '' })
  const rest: Event[] = []
  for await (const event of events(resumed)) {
    rest.push(event)
    if (event.data.includes('"id":9')) break
  }
  t.match(rest.at(-1)?.data, 'Counted down from 3.')
  t.equal(
    (await openStream(url, { ...session, 'last-event-id': '999' })).status,
    400,
    'an unknown event is refused',
  )
})

/** The server may not have noticed yet that the old stream is gone. */
async function resume(url: string, headers: Record<string, string>): Promise<Response> {
  const stream = await openStream(url, headers)
  return stream.status === 409 ? resume(url, headers) : stream
}

t.test('when there is no room, the session that idles longest gives way', async (t) => {
  const { url, endpoint } = await start(t, { maxSessions: 2 })
  const first = await openSession(url)
  const second = await openSession(url)
  await (await post(url, PING, first)).text()
  const third = await openSession(url)
  t.equal(endpoint.sessions.count(), 2)
  t.equal((await post(url, PING, second)).status, 404)
  t.equal((await post(url, PING, first)).status, 200)

  await openStream(url, first)
  await openStream(url, third)
  t.equal((await post(url, INITIALIZE)).status, 503, 'sessions in use are not taken away')
})

t.test('an idle session expires, one with an open stream does not', async (t) => {
  let now = 0
  const { url, endpoint } = await start(t, { idleMilliseconds: 1_000, now: () => now })
  const idle = await openSession(url)
  const busy = await openSession(url)
  await openStream(url, busy)
  now = 999
  await endpoint.sessions.sweep()
  t.equal(endpoint.sessions.count(), 2, 'not before its time')
  now = 1_000
  await endpoint.sessions.sweep()
  t.equal((await post(url, PING, idle)).status, 404)
  t.equal((await post(url, PING, busy)).status, 200)
})

t.test('closing ends every open stream', async (t) => {
  const demo = await startDemoUpstream()
  const stream = await openStream(demo.url, await openSession(demo.url))
  await demo.close()
  t.equal(await stream.text(), '')
  await t.rejects(post(demo.url, INITIALIZE), 'nobody listens any more')
})
