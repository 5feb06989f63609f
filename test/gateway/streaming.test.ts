// Owns the proof that event streams pass as they come, last as long as both sides want, and end for both at once.

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import type { Caller } from '../../src/oauth/caller.ts'
import { events, type HostileUpstream, startHostileUpstream } from '../support/hostile-upstream.ts'
import { call, modern, open, type Sent, type Stage, send, setStage, standstill, until } from './stage.ts'

/** On a machine that has other things to do. Whoever were not told of it would wait for ever. */
const PROMPT_MS = 5000
const NONE = { kind: 'none' } as const

interface Scene {
  readonly upstream: HostileUpstream
  readonly stage: Stage
  readonly token: string
  start(sent?: Sent): Promise<IncomingMessage>
}

async function scene(t: Parameters<typeof startHostileUpstream>[0], limits = {}): Promise<Scene> {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }], { limits })
  const token = await stage.token()
  return { upstream, stage, token, start: (sent = {}) => open(stage, { token, ...sent }) }
}

async function chunk(res: IncomingMessage): Promise<string> {
  const [bytes] = await once(res, 'data')
  return String(bytes)
}

const LISTEN = modern('subscriptions/listen', { notifications: { toolsListChanged: true } })

t.test('the head of a silent stream arrives at once, and events as they come, byte for byte', async (t) => {
  const { upstream, start } = await scene(t)
  let write: (text: string) => void = () => undefined
  upstream.answer((_, res) => {
    events(res)
    write = (text) => void res.write(text)
  })
  for (const sent of [{ method: 'GET' }, {}, { body: LISTEN.body, headers: LISTEN.headers }]) {
    const res = await start(sent)
    t.equal(res.statusCode, 200)
    t.equal(res.headers['content-type'], 'text/event-stream')
    t.equal(res.headers['x-accel-buffering'], 'no')
    t.equal(res.headers['cache-control'], 'no-store')
    for (const text of [
      'id: 1\ndata:\n\n',
      'event: message\nid: 2\nretry: 500\ndata: {"a"',
      ': 1}\r\n\r\n',
    ]) {
      const heard = chunk(res)
      write(text)
      t.equal(await heard, text)
    }
    res.destroy()
  }
})

t.test('a client that leaves is gone upstream at once, whatever it was waiting for', async (t) => {
  const { upstream, stage, start } = await scene(t)
  const waits: Record<string, Sent> = {
    'a legacy stream': { method: 'GET' },
    'a legacy call': { body: call('tools/call', { name: 'slow' }) },
    'a modern subscription': { body: LISTEN.body, headers: LISTEN.headers },
    'a modern call': modern('tools/call', { name: 'slow' }),
  }
  for (const [what, sent] of Object.entries(waits)) {
    upstream.answer((_, res) => events(res))
    const res = await start(sent)
    const arrival = await upstream.next()
    const left = performance.now()
    res.destroy()
    await arrival.closed
    t.ok(performance.now() - left < PROMPT_MS, `${what}: ${performance.now() - left} ms`)

    upstream.answer(() => undefined)
    const leaving = new AbortController()
    const waiting = start({ ...sent, signal: leaving.signal }).catch(() => 'left')
    const silent = await upstream.next()
    const leftEarly = performance.now()
    leaving.abort()
    await silent.closed
    t.ok(
      performance.now() - leftEarly < PROMPT_MS,
      `${what}, before any answer: ${performance.now() - leftEarly} ms`,
    )
    t.equal(await waiting, 'left')
  }
  await until(() => stage.events.length === 8)
  t.ok(stage.events.every(({ outcome }) => outcome === 'aborted'))
  t.equal(stage.gateway.openStreams(), 0)
  await until(() => upstream.connections() === 0)
})

t.test('a client that leaves before its call was forwarded is not heard of upstream', async (t) => {
  const upstream = await startHostileUpstream(t)
  const credential = Promise.withResolvers<{ kind: 'none' }>()
  let asked = 0
  const credentialFor = ({ subject }: Caller) =>
    ++asked && subject === 'usr_alice' ? credential.promise : NONE
  const stage = await setStage(t, [{ url: upstream.url }], { credentialFor })
  const leaving = new AbortController()
  const waiting = open(stage, { token: await stage.token(), signal: leaving.signal }).catch(() => 'left')
  await until(() => asked === 1)
  leaving.abort()
  t.equal(await waiting, 'left')
  const bobs = await stage.token({ sub: 'usr_bob' })
  t.equal((await send(stage, { token: bobs })).status, 200, 'so much later')
  credential.resolve({ kind: 'none' })
  await until(() => stage.events.length === 2)
  t.equal(stage.events[1]?.outcome, 'aborted')
  t.equal(upstream.arrivals.length, 1)
})

t.test(
  'an upstream that breaks off mid-stream breaks the client off too, or leaves it an error',
  async (t) => {
    const { upstream, stage, start } = await scene(t)
    const breaking = (text: string) =>
      upstream.answer((_, res) => {
        events(res)
        res.write(text)
        setTimeout(() => res.socket?.resetAndDestroy(), 10)
      })
    for (const resumable of ['id: 1\ndata: 1\n\n', 'retry: 5\nid: 1\ndata:\n\n']) {
      breaking(resumable)
      const res = await start()
      res.resume()
      await t.rejects(once(res, 'end'), 'no end that could be taken for one')
      t.equal(stage.events.at(-1)?.outcome, 'failed')
    }
    breaking('data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n')
    await t.rejects(textOf(await start()), 'nor a second answer')

    breaking('data: 1\n\n')
    const error = { code: -32603, message: 'The upstream server cannot be reached, or broke off.' }
    const words = `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: 1, error })}\n\n`
    t.equal(await textOf(await start()), `data: 1\n\n${words}`, 'nobody could ask for the rest')
    t.match(stage.events.at(-1), { outcome: 'failed', detail: /ECONNRESET|UND_ERR_SOCKET/ })
    breaking('data: {"half":')
    t.equal(await textOf(await start()), `data: {"half":\nevent: discarded\n\n${words}`)

    upstream.answer(
      (_, res) => void res.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: 1\n\n'),
    )
    const whole = await start()
    whole.resume()
    await once(whole, 'end')
    t.equal(stage.events.at(-1)?.outcome, 'answered')
  },
)

t.test('a silent stream gets comments between events, never inside of one', async (t) => {
  const { upstream, start } = await scene(t, { keepAliveMs: 30, pulseMs: 10 })
  let write: (text: string) => void = () => undefined
  upstream.answer((_, res) => {
    events(res)
    write = (text) => void res.write(text)
  })
  const res = await start({ method: 'GET' })
  t.equal(await chunk(res), ': keep-alive\n\n')
  const half = chunk(res)
  write('data: {"half":')
  t.match(await half, 'half')
  let more = ''
  res.on('data', (bytes) => {
    more += String(bytes)
  })
  await delay(80)
  t.equal(more, '', 'an event that is not complete is left alone')
  write('true}\n\n')
  await until(() => more.includes(': keep-alive\n\n'))
  t.match(more, /^true}\n\n: keep-alive\n\n/)
  res.destroy()
})

t.test('a slow reader slows its upstream down and nothing piles up', async (t) => {
  const { upstream, start } = await scene(t)
  const block = Buffer.alloc(64 * 1024, 'x')
  let written = 0
  upstream.answer((_, res) => {
    events(res)
    const pour = () => {
      do written += block.length
      while (res.write(block))
    }
    res.on('drain', pour)
    pour()
  })
  const res = await start()
  res.pause()
  const before = await standstill(() => written)
  t.ok(before > 0 && before < 32 * 1024 * 1024, `${before} bytes under way when the upstream stood still`)
  res.resume()
  await until(() => written > before + 16 * 1024 * 1024)
  t.pass('and goes on when it is read')
  res.destroy()
})

t.test('a reader that never reads is cut off', async (t) => {
  const { upstream, stage, start } = await scene(t, { stalledReaderMs: 60, pulseMs: 20 })
  const block = Buffer.alloc(1024 * 1024, 'x')
  upstream.answer((_, res) => {
    events(res)
    res.on('drain', () => res.write(block))
    res.write(block)
  })
  const res = await start()
  res.pause()
  res.on('error', () => undefined)
  await until(() => stage.events.length === 1)
  t.equal(stage.events[0]?.outcome, 'failed')
  res.destroy()
})

t.test('revoking a grant ends its streams and its calls, and nobody else’s', async (t) => {
  const { upstream, stage, start } = await scene(t, { pulseMs: 10 })
  upstream.answer((arrival, res) => {
    if (!arrival.body.includes('silent')) events(res)
  })
  const mine = await start({ method: 'GET' })
  const calling = await start({ body: call('tools/call', { name: 'slow' }) })
  const silent = start({ body: call('tools/call', { name: 'silent' }) })
  const others = await start({ method: 'GET', token: await stage.token({ gid: 'grant-2', sub: 'usr_bob' }) })
  const ends = [mine, calling].map((res) => once(res.resume(), 'end'))
  await until(() => upstream.arrivals.length === 4)
  t.equal(stage.gateway.openStreams(), 3)
  stage.revoked.add('grant-1')
  await Promise.all(ends)
  t.equal((await silent).statusCode, 403)
  t.equal(stage.gateway.openStreams(), 1)
  await until(() => upstream.connections() === 1)
  others.destroy()
})

t.test('a stream that only listens lasts as long as its token, a call may take longer', async (t) => {
  const { upstream, stage, start } = await scene(t, { pulseMs: 10 })
  upstream.answer((_, res) => {
    events(res)
    res.write('data: {}\n\n')
  })
  const stream = await start({ method: 'GET' })
  const subscription = await start({ body: LISTEN.body, headers: LISTEN.headers })
  const calling = await start({ body: call('tools/call', { name: 'slow' }) })
  const texts = [stream, subscription].map(textOf)
  stage.clock.ahead = 700_000
  t.same(await Promise.all(texts), ['data: {}\n\n', 'data: {}\n\n'], 'no result: the client is to come back')
  t.equal(stage.gateway.openStreams(), 1)
  calling.destroy()
})

async function textOf(res: IncomingMessage): Promise<string> {
  let text = ''
  for await (const bytes of res) text += String(bytes)
  return text
}

t.test('many streams at one upstream do not keep calls waiting', async (t) => {
  const { upstream, stage, token, start } = await scene(t)
  upstream.answer((arrival, res) => {
    if (arrival.method === 'GET') events(res)
    else res.writeHead(202).end()
  })
  const streams = await Promise.all(Array.from({ length: 60 }, () => start({ method: 'GET' })))
  t.equal(stage.gateway.openStreams(), 60)
  t.equal(
    (await send(stage, { token, body: { jsonrpc: '2.0', method: 'notifications/initialized' } })).status,
    202,
  )
  for (const stream of streams) stream.destroy()
  await until(() => stage.gateway.openStreams() === 0)
})
