// Owns the promises about an upstream with several endpoints: work is shared, sessions stay, and one that is gone is not missed.

import t from 'tap'
import { createBalance } from '../../src/upstreams/balance.ts'
import { json, type Script, startHostileUpstream } from '../support/hostile-upstream.ts'
import { call, open, send, setStage, until } from './stage.ts'

const NOBODY = 'http://127.0.0.1:9/mcp'

/** Answers every request; an `initialize` with a session of its own. */
const speaking =
  (name: string): Script =>
  (arrival, res) => {
    const { id, method } = arrival.body === '' ? { id: 0, method: '' } : JSON.parse(arrival.body)
    const headers: Record<string, string> =
      method === 'initialize' ? { 'mcp-session-id': `session of ${name}`.replaceAll(' ', '-') } : {}
    res.writeHead(200, { 'content-type': 'application/json', ...headers })
    res.end(JSON.stringify({ jsonrpc: '2.0', id, result: { name } }))
  }

async function startTwo(t: Parameters<typeof startHostileUpstream>[0]) {
  const [one, two] = [await startHostileUpstream(t), await startHostileUpstream(t)]
  one.answer(speaking('one'))
  two.answer(speaking('two'))
  return { one, two }
}

t.test('requests are shared between the endpoints, each at its own path', async (t) => {
  const { one, two } = await startTwo(t)
  const stage = await setStage(t, [{ url: one.url, otherUrls: [`${two.url}?tenant=7`] }])
  const token = await stage.token()
  for (let at = 0; at < 6; at++) t.equal((await send(stage, { token })).status, 200)
  t.equal(one.arrivals.length, 3)
  t.equal(two.arrivals.length, 3)
  t.ok(two.arrivals.every(({ path }) => path.endsWith('?tenant=7')))
})

t.test('a request goes where the fewest are under way', async (t) => {
  const { one, two } = await startTwo(t)
  const stage = await setStage(t, [{ url: one.url, otherUrls: [two.url] }])
  const token = await stage.token()
  const held: (() => void)[] = []
  const holding: Script = (_, res) =>
    void held.push(() => json(res, 200, { jsonrpc: '2.0', id: 1, result: {} }))
  one.answer(holding)
  two.answer(holding)
  const first = send(stage, { token })
  await until(() => held.length === 1)
  const busy = one.arrivals.length === 1 ? one : two
  const idle = busy === one ? two : one
  idle.answer(speaking('idle'))
  for (let at = 0; at < 4; at++) await send(stage, { token })
  t.equal(busy.arrivals.length, 1)
  t.equal(idle.arrivals.length, 4)
  for (const finish of held) finish()
  t.equal((await first).status, 200)
})

t.test('a session stays where it began, on every replica', async (t) => {
  const { one, two } = await startTwo(t)
  const urls = [one.url, two.url]
  const secrets = { sessions: plainSealer }
  const stage = await setStage(t, [{ url: one.url, otherUrls: [two.url] }], secrets)
  const replica = await setStage(t, [{ url: two.url, otherUrls: [one.url] }], secrets)
  for (let round = 0; round < 4; round++) {
    const begun = await send(stage, { token: await stage.token(), body: call('initialize') })
    const handle = String(begun.headers['mcp-session-id'])
    const home = JSON.parse(begun.text).result.name
    for (const { origin, token } of [stage, replica, stage]) {
      const headers = { 'mcp-session-id': handle }
      const answer = await send({ origin }, { token: await token(), headers })
      t.match(answer.json, { result: { name: home } })
    }
    const { arrivals } = home === 'one' ? one : two
    t.same(arrivals.at(-1)?.headers['mcp-session-id'], [`session-of-${home}`])
  }
  t.ok(urls.length === 2 && one.arrivals.length > 0 && two.arrivals.length > 0)
})

/** The same for both stages, as replicas share their keys. */
const plainSealer = {
  seal: (text: string, aad: string) => Buffer.from(JSON.stringify([text, aad])).toString('base64url'),
  open: (sealed: string, aad: string) => {
    const [text, sealedFor] = JSON.parse(Buffer.from(sealed, 'base64url').toString())
    return sealedFor === aad ? text : null
  },
}

t.test('an endpoint where nobody is does not cost a call', async (t) => {
  const { one } = await startTwo(t)
  const stage = await setStage(t, [{ url: NOBODY, otherUrls: [one.url] }])
  const token = await stage.token()
  for (let at = 0; at < 4; at++) t.equal((await send(stage, { token })).status, 200)
  t.equal(one.arrivals.length, 4)
  const nowhere = await setStage(t, [{ url: NOBODY, otherUrls: ['http://127.0.0.1:9/other'] }])
  t.equal((await send(nowhere, { token: await nowhere.token() })).status, 502)
})

t.test('what was sent is not sent again elsewhere', async (t) => {
  const { one, two } = await startTwo(t)
  const stage = await setStage(t, [{ url: one.url, otherUrls: [two.url] }])
  const token = await stage.token()
  const breaking: Script = (_, res) => void res.destroy()
  one.answer(breaking)
  two.answer(breaking)
  t.equal((await send(stage, { token, body: call('tools/call', { name: 'x' }) })).status, 502)
  t.equal(one.arrivals.length + two.arrivals.length, 1)
})

t.test('who leaves is not counted any more', async (t) => {
  const { one, two } = await startTwo(t)
  const stage = await setStage(t, [{ url: one.url, otherUrls: [two.url] }])
  const token = await stage.token()
  const silent: Script = (_, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.write(': hello\n\n')
  }
  one.answer(silent)
  two.answer(silent)
  const leaving = new AbortController()
  const stream = await open(stage, { token, method: 'GET', signal: leaving.signal })
  stream.on('error', () => undefined)
  leaving.abort()
  await until(() => stage.gateway.openStreams() === 0)
  one.answer(speaking('one'))
  two.answer(speaking('two'))
  for (let at = 0; at < 4; at++) await send(stage, { token })
  t.same(
    [one.arrivals.length + two.arrivals.length, Math.abs(one.arrivals.length - two.arrivals.length) <= 1],
    [5, true],
  )
})

t.test('an endpoint that failed is left out for a while, unless there is no other', async (t) => {
  const clock = { now: 0 }
  const endpoints = ['a', 'b'].map((name) => ({ origin: `http://${name}`, path: '/' }))
  const balance = createBalance(endpoints, () => clock.now)
  const first = balance.begin(null)
  const second = first.failed()
  t.not(second?.endpoint, first.endpoint)
  for (let at = 0; at < 4; at++) t.equal(balance.begin(null).endpoint, second?.endpoint)
  t.equal(second?.failed(), null)
  t.ok(balance.begin(null).endpoint)
  clock.now += 10_000
  t.equal(new Set([balance.begin(null).endpoint, balance.begin(null).endpoint]).size >= 1, true)
})

t.test('a session that no endpoint is known for goes anywhere, as its own', async (t) => {
  const balance = createBalance([
    { origin: 'http://a', path: '/' },
    { origin: 'http://b', path: '/' },
  ])
  t.equal(balance.begin('0123abcd.their-own').sessionId, 'their-own')
  t.equal(balance.begin('plain').sessionId, 'plain')
  const turn = balance.begin(null)
  const again = balance.begin(turn.named('x.y'))
  t.match(again, { endpoint: turn.endpoint, sessionId: 'x.y' })
  t.equal(again.failed(), null)
})
