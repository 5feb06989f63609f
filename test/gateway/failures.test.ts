// Owns the proof that an upstream that fails harms nobody but who calls it, and those no longer than they have to wait.

import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import type { Limits } from '../../src/gateway/limits.ts'
import { NO_LIMITS, UNLIMITED, type UpstreamLimits } from '../../src/oauth/allowance.ts'
import { createGuards } from '../../src/upstreams/guards.ts'
import {
  events,
  type HostileUpstream,
  json,
  obliging,
  type Script,
  startHostileUpstream,
} from '../support/hostile-upstream.ts'
import {
  type Answer,
  call,
  errorOf,
  modern,
  open,
  type Sent,
  type Stage,
  send,
  setStage,
  standstill,
  until,
} from './stage.ts'

const MEGABYTE = 1024 * 1024
const BLOCK = Buffer.alloc(64 * 1024, 'x')

interface Scene {
  readonly bad: HostileUpstream
  readonly stage: Stage
  /** At the bad one. */
  get(sent?: Sent): Promise<Answer>
  /** At the good one. */
  good(): Promise<Answer>
}

async function scene(
  t: Parameters<typeof startHostileUpstream>[0],
  limits: Partial<Limits> = {},
  own: Partial<UpstreamLimits> = {},
): Promise<Scene> {
  const [bad, good] = [await startHostileUpstream(t), await startHostileUpstream(t)]
  const stage = await setStage(
    t,
    [
      { name: 'notes', url: bad.url, limits: { ...NO_LIMITS, ...own } },
      { name: 'good', url: good.url },
    ],
    { limits },
  )
  const token = await stage.token()
  const forGood = await stage.token({ aud: 'https://gate.example/mcp/good', scope: 'good' })
  return {
    bad,
    stage,
    get: (sent = {}) => send(stage, { token, ...sent }),
    good: () => send(stage, { token: forGood, path: '/mcp/good' }),
  }
}

const TOOL = { body: call('tools/call', { name: 'slow' }) }

async function median(act: () => Promise<Answer>): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < 60; n++) {
    const began = performance.now()
    const { status } = await act()
    if (status !== 200) throw new Error(`the good one answered ${status}`)
    times.push(performance.now() - began)
  }
  return times.sort((a, b) => a - b)[30] ?? Number.NaN
}

/** How long the bad one is waited for, and so whoever had to wait behind it. */
const PATIENCE_MS = 3000

/** Writes for as long as somebody takes it. Answers how much that was so far. */
function pour(res: Parameters<Script>[1], most = Number.POSITIVE_INFINITY): () => number {
  let written = 0
  const more = () => {
    while (written < most && !res.destroyed) {
      written += BLOCK.length
      if (!res.write(BLOCK)) return
    }
    if (written >= most) res.end()
  }
  res.on('drain', more)
  more()
  return () => written
}

t.test('an upstream that hangs, resets, drips, refuses or never stops slows no other one down', async (t) => {
  const { bad, stage, good } = await scene(t, { firstByteTimeoutMs: PATIENCE_MS, maxAnswerBytes: MEGABYTE })
  const token = await stage.token()
  await median(good)
  const alone = await median(good)
  const scripts: Readonly<Record<string, Script>> = {
    hanging: () => undefined,
    resetting: (_, res) => void res.socket?.resetAndDestroy(),
    dripping: (_, res) => {
      res.writeHead(200, { 'content-type': 'application/json' })
      const drops = setInterval(() => res.write(' '), 20)
      res.on('close', () => clearInterval(drops))
    },
    'one event without end': (_, res) => {
      events(res)
      res.write('data: ')
      pour(res)
    },
  }
  for (const [name, script] of Object.entries(scripts)) {
    bad.answer(script)
    const stop = new AbortController()
    const callers = Array.from({ length: 12 }, async () => {
      while (!stop.signal.aborted) {
        await send(stage, { token, ...TOOL, signal: stop.signal }).catch(() => undefined)
        await delay(50)
      }
    })
    const beside = await median(good)
    stop.abort()
    await Promise.all(callers)
    t.comment(`${name}: a median of ${beside.toFixed(2)} ms beside it, ${alone.toFixed(2)} ms alone`)
    t.ok(beside < PATIENCE_MS, name)
  }
})

t.test('only so many calls wait at an upstream that hangs', async (t) => {
  const { bad, stage, get, good } = await scene(t, {}, { total: { ...UNLIMITED, calls: 3, streams: 1 } })
  const answers: (() => void)[] = []
  bad.answer((arrival, res) => {
    if (arrival.method === 'GET') events(res)
    else answers.push(() => obliging(arrival, res))
  })
  const token = await stage.token()
  const waiting = Array.from({ length: 3 }, () => get(TOOL))
  const stream = await open(stage, { token, method: 'GET' })
  await until(() => answers.length === 3)
  for (const sent of [TOOL, modern('server/discover'), { method: 'GET' }]) {
    const refused = await get(sent)
    t.equal(refused.status, 503)
    t.equal(refused.headers['retry-after'], '1')
    t.match(errorOf(refused).message, /as it takes/)
  }
  t.match(stage.events.at(-1), { outcome: 'refused', reason: 'upstream_busy' })
  t.equal((await good()).status, 200)
  t.equal(answers.length, 3)
  for (const answer of answers) answer()
  for (const { status } of await Promise.all(waiting)) t.equal(status, 200)
  bad.answer(obliging)
  t.equal((await get(TOOL)).status, 200)
  stream.destroy()
})

t.test(
  'an upstream that is down is left alone for a moment, and is back as soon as it answers',
  async (t) => {
    const { bad, stage, get, good } = await scene(t)
    stage.clock.stoppedAt = Date.now()
    bad.answer((_, res) => void res.socket?.resetAndDestroy())
    for (let n = 0; n < 5; n++) t.equal((await get(TOOL)).status, 502)
    const before = bad.arrivals.length
    for (const sent of [TOOL, modern('server/discover')]) {
      const refused = await get(sent)
      t.equal(refused.status, 503)
      t.equal(refused.headers['retry-after'], '5')
      t.match(errorOf(refused), { code: -32603, message: /several times in a row/ })
    }
    t.match(stage.events.at(-1), { outcome: 'refused', reason: 'upstream_down' })
    t.equal(bad.arrivals.length, before, 'it is left alone')
    t.equal((await good()).status, 200)
    stage.clock.ahead = 5000
    t.equal((await get(TOOL)).status, 502, 'one is let through to try')
    t.equal((await get(TOOL)).status, 503)
    bad.answer(obliging)
    stage.clock.ahead = 10_000
    t.equal((await get(TOOL)).status, 200)
    t.equal((await get(TOOL)).status, 200)
  },
)

t.test('errors of an upstream are answers: they open no breaker', async (t) => {
  const { bad, get } = await scene(t)
  bad.answer((_, res) =>
    json(res, 500, { jsonrpc: '2.0', id: 1, error: { code: -32603, message: 'theirs' } }),
  )
  for (let n = 0; n < 8; n++) t.equal((await get(TOOL)).status, 500)
  bad.answer((_, res) => void res.writeHead(500).end())
  for (let n = 0; n < 8; n++) t.equal((await get(TOOL)).status, 502)
  bad.answer(obliging)
  t.equal((await get(TOOL)).status, 200)
})

t.test('what only reads is sent once more when its connection goes away, and a tool never is', async (t) => {
  const { bad, get } = await scene(t)
  let broken = 0
  const onceBroken: Script = (arrival, res) => {
    if (broken++ % 2 === 0) res.socket?.resetAndDestroy()
    else obliging(arrival, res)
  }
  bad.answer(onceBroken)
  for (const method of ['tools/list', 'resources/read', 'prompts/get', 'ping', 'server/discover']) {
    const before = bad.arrivals.length
    t.equal((await get({ body: call(method) })).status, 200, method)
    t.equal(bad.arrivals.length, before + 2)
  }
  for (const body of [TOOL.body, call('initialize'), call('x/unknown'), [call('ping'), TOOL.body]]) {
    broken = 0
    const before = bad.arrivals.length
    t.equal((await get({ body })).status, 502)
    t.equal(bad.arrivals.length, before + 1, 'it may have been done')
  }
  t.equal((await get()).status, 200)
  bad.answer((_, res) => void res.socket?.resetAndDestroy())
  const before = bad.arrivals.length
  t.equal((await get()).status, 502)
  t.equal(bad.arrivals.length, before + 2, 'and not a third time')
  const continued = { name: 'a', inputResponses: { b: { action: 'accept' } } }
  t.equal((await get({ body: call('prompts/get', continued) })).status, 502)
  t.equal(bad.arrivals.length, before + 3, 'nor a second time what continues a call')
})

t.test('a call that nothing was sent of waits for an upstream that is just being started', async (t) => {
  const { bad, get } = await scene(t, { repeatPauseMs: 2_000 })
  const port = Number(new URL(bad.url).port)
  await bad.close()
  const calling = get(TOOL)
  // It has found nobody by now, and has not tried again yet.
  await delay(50)
  const server = createServer((req, res) => {
    req.resume().on('end', () => json(res, 200, { jsonrpc: '2.0', id: 1, result: {} }))
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  t.equal((await calling).status, 200)
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  t.equal((await get(TOOL)).status, 502, 'but not for long')
})

t.test('what takes nobody long is not waited for as long as a tool', async (t) => {
  const { bad, get } = await scene(t, { quickTimeoutMs: 150 })
  bad.answer(() => undefined)
  const began = performance.now()
  const listing = await get()
  t.equal(listing.status, 504)
  t.ok(performance.now() - began < 5000)
  bad.answer((arrival, res) => void delay(600).then(() => obliging(arrival, res)))
  t.equal((await get(TOOL)).status, 200, 'a tool may take its time')
})

t.test('an upstream has its own patience', async (t) => {
  const { bad, get } = await scene(t, {}, { firstByteTimeoutMs: 1500 })
  bad.answer(() => undefined)
  t.equal((await get(TOOL)).status, 504)
  bad.answer(obliging)
  t.equal((await get(TOOL)).status, 200)
})

t.test('an answer that only drips is given up after a while', async (t) => {
  const { bad, stage, get } = await scene(t, { wholeAnswerMs: 200, pulseMs: 20 })
  bad.answer((_, res) => {
    res.writeHead(200, { 'content-type': 'application/json' })
    const drops = setInterval(() => res.write(' '), 10)
    res.on('close', () => clearInterval(drops))
  })
  await t.rejects(get(TOOL))
  t.match(stage.events.at(-1), { outcome: 'failed', detail: 'STALLED' })
  await until(() => bad.connections() === 0)
  bad.answer((arrival, res) => {
    events(res)
    const drops = setInterval(() => res.write(': \n\n'), 10)
    void delay(400).then(() => {
      clearInterval(drops)
      res.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} })}\n\n`)
    })
    void arrival
  })
  t.match((await get(TOOL)).text, '"result":{}', 'an event stream may last')
})

t.test('an upstream that sends its head at once may think for as long as another', async (t) => {
  const { bad, get } = await scene(t, { stalledAnswerMs: 60, pulseMs: 20 })
  bad.answer((_, res) => {
    res.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    void delay(300).then(() => res.end('{"jsonrpc":"2.0","id":1,"result":{}}'))
  })
  t.equal((await get(TOOL)).text, '{"jsonrpc":"2.0","id":1,"result":{}}')
})

t.test('an answer of 100 MB passes, and is nowhere in memory as a whole', async (t) => {
  const { bad, stage } = await scene(t)
  const size = 100 * MEGABYTE
  const token = await stage.token()
  for (const type of ['application/json', 'text/event-stream']) {
    let written = () => 0
    bad.answer((_, res) => {
      res.writeHead(200, { 'content-type': type })
      written = pour(res, size)
    })
    const before = held()
    const res = await open(stage, { token, ...TOOL })
    res.pause()
    const ahead = await standstill(() => written())
    t.ok(ahead < size / 4, `${type}: ${ahead} bytes under way, most of them in the kernel, and no more come`)
    t.ok(held() - before < 10 * MEGABYTE, 'and few of them here, with all three sides in this process')
    let received = 0
    for await (const bytes of res) received += bytes.length
    t.equal(received, size)
  }
})

/** Bytes of buffers that somebody still needs. */
function held(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().arrayBuffers
}

t.test(
  'an answer that is too large is cut off, and the client is told so where that is possible',
  async (t) => {
    const { bad, stage, get } = await scene(t, { maxAnswerBytes: MEGABYTE })
    bad.answer((_, res) => {
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': String(2 * MEGABYTE) })
      res.write('{')
    })
    const announced = await get(TOOL)
    t.equal(announced.status, 502)
    t.match(errorOf(announced).message, /too large/)

    bad.answer((_, res) => {
      res.writeHead(200, { 'content-type': 'application/json' })
      pour(res)
    })
    await t.rejects(get(TOOL), 'half a document is none')
    t.match(stage.events.at(-1), { outcome: 'failed', detail: 'TOO_LARGE' })

    bad.answer((_, res) => {
      events(res)
      res.write('id: 1\ndata: ')
      pour(res)
    })
    const { text } = await get(TOOL)
    t.ok(text.length < 1.3 * MEGABYTE)
    const error = {
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32603, message: 'The answer of the upstream server is too large.' },
    }
    t.ok(text.endsWith(`\nevent: discarded\n\nevent: message\ndata: ${JSON.stringify(error)}\n\n`))

    const event = `data: ${'x'.repeat(1000)}\n\n`
    bad.answer(
      (_, res) => void res.writeHead(200, { 'content-type': 'text/event-stream' }).end(event.repeat(5000)),
    )
    t.equal((await get(TOOL)).text.length, event.length * 5000, 'many events are not one')
    const document = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { x: 'x'.repeat(MEGABYTE - 100) } })
    bad.answer((_, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end(document))
    t.equal((await get(TOOL)).text, document)
  },
)

t.test('a client that reads slowly is not one that does not read', async (t) => {
  const { bad, stage } = await scene(t, { stalledReaderMs: 1500, pulseMs: 20 })
  bad.answer((_, res) => {
    events(res)
    pour(res)
  })
  const token = await stage.token()
  const res = await open(stage, { token, ...TOOL })
  res.on('error', () => undefined)
  // Slowly enough for all of it to be less than the largest answer that there may be.
  const reading = setInterval(() => {
    res.read(MEGABYTE)
  }, 30)
  t.teardown(() => clearInterval(reading))
  await delay(3000)
  t.equal(stage.events.length, 0, 'it is read, only never all of it')
  clearInterval(reading)
  await until(() => stage.events.length === 1)
  t.equal(stage.events[0]?.outcome, 'failed')
})

t.test('with a bulkhead for all, an upstream that says nothing about itself has one too', async (t) => {
  const bad = await startHostileUpstream(t)
  const guards = createGuards({ perUpstream: { calls: 1, streams: 1 }, clock: Date.now })
  const stage = await setStage(t, [{ url: bad.url }], { guards })
  const token = await stage.token()
  const answers: (() => void)[] = []
  bad.answer((arrival, res) => void answers.push(() => obliging(arrival, res)))
  const first = send(stage, { token, ...TOOL })
  await until(() => answers.length === 1)
  t.equal((await send(stage, { token, ...TOOL })).status, 503)
  answers[0]?.()
  t.equal((await first).status, 200)
})
