// Owns the proof that the gateway stops in good order: nothing new, streams ended, calls finished, and that in time.

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { events, json, type Script, startHostileUpstream } from '../support/hostile-upstream.ts'
import { call, errorOf, modern, open, send, setStage, until } from './stage.ts'

const LISTEN = modern('subscriptions/listen', { notifications: {} }, 'sub-1')

/** Streams for GET and subscriptions, nothing yet for calls. */
function patient(answers: (() => void)[]): Script {
  return (arrival, res) => {
    if (arrival.body.includes('"tools/call"')) {
      answers.push(() => json(res, 200, { jsonrpc: '2.0', id: 1, result: { late: true } }))
    } else {
      events(res)
      res.write('data: {}\n\n')
    }
  }
}

async function textOf(res: IncomingMessage): Promise<string> {
  let text = ''
  for await (const bytes of res) text += String(bytes)
  return text
}

t.test('streams end at once, running calls are waited for, new ones are refused', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const token = await stage.token()
  const answers: (() => void)[] = []
  upstream.answer(patient(answers))
  const stream = textOf(await open(stage, { token, method: 'GET' }))
  const subscription = textOf(await open(stage, { token, ...LISTEN }))
  const calling = send(stage, { token, body: call('tools/call', { name: 'slow' }) })
  await until(() => answers.length === 1)

  let closed = false
  const closing = stage.gateway.close(5000).then(() => {
    closed = true
  })
  t.ok(stage.gateway.isDraining())
  t.equal(await stream, 'data: {}\n\n')
  const result = { resultType: 'complete', _meta: { 'io.modelcontextprotocol/subscriptionId': 'sub-1' } }
  const farewell = JSON.stringify({ jsonrpc: '2.0', id: 'sub-1', result })
  t.equal(await subscription, `data: {}\n\nevent: message\ndata: ${farewell}\n\n`, 'a graceful closure')

  const refused = await send(stage, { token, ...modern('server/discover') })
  t.equal(refused.status, 503)
  t.equal(refused.headers['retry-after'], '5')
  t.equal(refused.headers.connection, 'close')
  t.equal(errorOf(refused).code, -32603)
  t.equal((await send(stage)).status, 401, 'who has no token still learns where to get one')

  t.notOk(closed, 'one call is still running')
  answers[0]?.()
  t.match((await calling).json, { result: { late: true } })
  await closing
  t.equal(stage.gateway.openStreams(), 0)
  await until(() => upstream.connections() === 0)
})

t.test('what was coming in already is taken: calls are finished, streams are not begun', async (t) => {
  const upstream = await startHostileUpstream(t)
  const credential = Promise.withResolvers<{ kind: 'none' }>()
  let asked = 0
  const credentialFor = () => {
    asked++
    return credential.promise
  }
  const stage = await setStage(t, [{ url: upstream.url }], { credentialFor })
  const token = await stage.token()
  const calling = send(stage, { token })
  const listening = send(stage, { token, ...LISTEN })
  await until(() => asked === 2)
  const closing = stage.gateway.close(5000)
  credential.resolve({ kind: 'none' })
  t.equal((await calling).status, 200)
  t.equal((await listening).status, 503)
  await closing
  t.equal(upstream.arrivals.length, 1)
})

t.test('what is not done in time is broken off, here and upstream', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const token = await stage.token()
  upstream.answer((arrival, res) => {
    if (arrival.body.includes('streaming')) events(res)
  })
  const silent = send(stage, { token, body: call('tools/call', { name: 'silent' }) }).catch(() => 'broken')
  const streaming = await open(stage, { token, body: call('tools/call', { name: 'streaming' }) })
  const broken = once(streaming.resume(), 'error')
  await until(() => upstream.arrivals.length === 2)
  const started = performance.now()
  await stage.gateway.close(50)
  t.ok(performance.now() - started < 10_000)
  t.equal(await silent, 'broken')
  await broken
  await until(() => upstream.connections() === 0)
  t.same(
    stage.events.map(({ outcome }) => outcome),
    ['failed', 'failed'],
  )
})

t.test('an event that is not complete is not followed by a result', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  upstream.answer((_, res) => {
    events(res)
    res.write('data: {"half":')
  })
  const res = await open(stage, { token: await stage.token(), ...LISTEN })
  const heard: string[] = []
  res.on('data', (bytes) => heard.push(String(bytes)))
  await until(() => heard.length === 1)
  await Promise.all([stage.gateway.close(100), once(res, 'end')])
  t.same(heard, ['data: {"half":'])
})
