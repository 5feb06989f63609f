// Owns the proof that everybody has as much as they were allowed, no more, and that nobody pays for somebody else.

import t from 'tap'
import type { GatewayNeeds } from '../../src/gateway/gateway.ts'
import { NO_LIMITS, UNLIMITED, type UpstreamLimits } from '../../src/oauth/allowance.ts'
import { events, obliging, startHostileUpstream } from '../support/hostile-upstream.ts'
import {
  type Answer,
  call,
  errorOf,
  modern,
  notification,
  open,
  type Sent,
  send,
  setStage,
  until,
} from './stage.ts'

const RATE = { times: 3, seconds: 60 }

async function scene(
  t: Parameters<typeof startHostileUpstream>[0],
  allowances: GatewayNeeds['allowances'],
  limits: Partial<UpstreamLimits> = {},
) {
  const upstream = await startHostileUpstream(t)
  const settings = { url: upstream.url, limits: { ...NO_LIMITS, ...limits } }
  const stage = await setStage(t, [settings], { ...(allowances && { allowances }) })
  // Rates are by the second, and an answer may take one.
  stage.clock.stoppedAt = Date.now()
  const alice = await stage.token()
  const bob = await stage.token({ sub: 'usr_bob' })
  const get = (token: string, sent: Sent = {}) => send(stage, { token, ...sent })
  return { upstream, stage, alice, bob, get }
}

/** What a client needs to act on it: which request, what for, and when to come back. */
function isRefused(answer: Answer, status: number, seconds: number, id: unknown = 1): boolean {
  const { headers, json } = answer
  return (
    answer.status === status &&
    headers['retry-after'] === String(seconds) &&
    headers['content-type'] === 'application/json' &&
    json.id === id &&
    typeof errorOf(answer).message === 'string'
  )
}

t.test('a person who comes too often is told when to come back; others are not', async (t) => {
  const { upstream, stage, alice, bob, get } = await scene(t, { perPerson: { ...UNLIMITED, rate: RATE } })
  for (let n = 0; n < 3; n++) t.equal((await get(alice)).status, 200)
  const refused = await get(alice, { body: call('tools/call', { name: 'x' }, 'seven') })
  t.ok(isRefused(refused, 429, 20, 'seven'))
  t.match(errorOf(refused), { code: 429, message: /too many requests/ })
  const elsewhere = await stage.token({ client_id: 'client-2' })
  t.equal((await get(elsewhere)).status, 429, 'whichever client they use')
  t.equal((await get(bob)).status, 200)
  t.equal(upstream.arrivals.length, 4, 'the upstream saw nothing of it')
  t.match(stage.events.at(3), { outcome: 'refused', status: 429, reason: 'rate' })
  stage.clock.ahead = 20_000
  t.equal((await get(alice)).status, 200)
  t.equal((await get(alice)).status, 429)
})

t.test('a probing client is told 503, because it takes a 429 for an old server', async (t) => {
  const { alice, get } = await scene(t, { perPerson: { ...UNLIMITED, rate: { times: 1, seconds: 60 } } })
  const probe = modern('server/discover')
  t.equal((await get(alice, probe)).status, 200)
  t.ok(isRefused(await get(alice, probe), 503, 60))
  t.ok(isRefused(await get(alice, modern('tools/list')), 429, 60), 'nothing else is')
})

t.test('a batch counts for each of its messages', async (t) => {
  const { alice, get } = await scene(t, { perPerson: { ...UNLIMITED, rate: RATE } })
  const batch = [call('ping', {}, 1), call('ping', {}, 2)]
  t.equal((await get(alice, { body: batch })).status, 200)
  const refused = await get(alice, { body: batch })
  t.equal(refused.status, 429)
  t.match(JSON.parse(refused.text), [{ id: 1 }, { id: 2 }])
  t.equal((await get(alice)).status, 200, 'what was refused has used up nothing')
})

t.test('a client has its own rate, with all its people together', async (t) => {
  const { alice, bob, stage, get } = await scene(t, { perClient: { ...UNLIMITED, rate: RATE } })
  for (const token of [alice, bob, alice]) t.equal((await get(token)).status, 200)
  const refused = await get(bob)
  t.ok(isRefused(refused, 429, 20))
  t.match(errorOf(refused).message, /^This client/)
  t.equal((await get(await stage.token({ client_id: 'client-2' }))).status, 200)
})

t.test('a person has so many calls under way, and room to end one', async (t) => {
  const { upstream, stage, alice, bob, get } = await scene(t, { perPerson: { ...UNLIMITED, calls: 2 } })
  const answers: (() => void)[] = []
  upstream.answer((arrival, res) => {
    if (arrival.body.includes('slow')) answers.push(() => obliging(arrival, res))
    else obliging(arrival, res)
  })
  const slow = { body: call('tools/call', { name: 'slow' }) }
  const running = [get(alice, slow), get(alice, slow)]
  await until(() => answers.length === 2)
  const refused = await get(alice)
  t.ok(isRefused(refused, 429, 1))
  t.match(stage.events.at(-1), { reason: 'calls' })
  t.equal((await get(bob)).status, 200)
  const cancel = { body: notification('notifications/cancelled', { requestId: 1 }) }
  t.equal((await get(alice, cancel)).status, 202, 'or no call could ever be cancelled')
  t.equal((await get(alice, { body: { jsonrpc: '2.0', id: 9, result: {} } })).status, 202, 'nor be answered')
  for (const answer of answers) answer()
  for (const { status } of await Promise.all(running)) t.equal(status, 200)
  t.equal((await get(alice)).status, 200)
})

t.test('a client that leaves gives its place back', async (t) => {
  const { upstream, stage, alice, get } = await scene(t, {
    perPerson: { ...UNLIMITED, calls: 1, streams: 1 },
  })
  upstream.answer((arrival, res) => {
    if (arrival.method === 'GET') events(res)
  })
  const leaving = new AbortController()
  const left = get(alice, { signal: leaving.signal }).catch(() => 'left')
  await until(() => upstream.arrivals.length === 1)
  const stream = await open(stage, { token: alice, method: 'GET' })
  t.equal((await get(alice)).status, 429)
  const second = await get(alice, { method: 'GET' })
  t.equal(second.status, 429)
  t.match(errorOf(second).message, /too many streams/)
  t.equal((await get(alice, modern('subscriptions/listen'))).status, 429, 'a subscription is a stream too')
  leaving.abort()
  stream.destroy()
  t.equal(await left, 'left')
  await until(() => stage.events.filter(({ outcome }) => outcome === 'aborted').length === 2)
  upstream.answer((arrival, res) => (arrival.method === 'GET' ? events(res) : obliging(arrival, res)))
  t.equal((await get(alice)).status, 200)
  const again = await open(stage, { token: alice, method: 'GET' })
  t.equal(again.statusCode, 200)
  again.destroy()
})

t.test('what is not let in by its token takes nobody’s place', async (t) => {
  const { stage, alice, get } = await scene(t, {
    perPerson: { ...UNLIMITED, rate: { times: 1, seconds: 60 } },
  })
  for (let n = 0; n < 3; n++) {
    t.equal((await get('nonsense')).status, 401)
    t.equal((await get(await stage.token({ scope: 'other' }))).status, 403)
  }
  t.equal((await get(alice)).status, 200)
})

t.test('an upstream takes so much, from everybody and from each', async (t) => {
  const total = { ...UNLIMITED, rate: { times: 4, seconds: 60 } }
  const perPerson = { ...UNLIMITED, rate: RATE }
  const { alice, bob, stage, get } = await scene(t, undefined, { total, perPerson })
  for (let n = 0; n < 3; n++) t.equal((await get(alice)).status, 200)
  const hers = await get(alice)
  t.ok(isRefused(hers, 429, 20))
  t.match(errorOf(hers).message, /called too often/)
  t.equal((await get(bob)).status, 200)
  t.ok(isRefused(await get(bob), 429, 15), 'everybody together')
  t.match(stage.events.at(-1), { outcome: 'refused', reason: 'upstream_limited' })
})

t.test('a tool has its own rate, and its own places', async (t) => {
  const tools = [
    { tool: 'search_*', total: UNLIMITED, perPerson: { ...UNLIMITED, rate: { times: 1, seconds: 60 } } },
    { tool: 'slow', total: { ...UNLIMITED, calls: 1 }, perPerson: UNLIMITED },
  ]
  const { upstream, alice, bob, get } = await scene(t, undefined, { tools })
  const using = (token: string, name: string) => get(token, { body: call('tools/call', { name }) })
  t.equal((await using(alice, 'search_web')).status, 200)
  t.ok(isRefused(await using(alice, 'search_files'), 429, 60))
  t.equal((await using(alice, 'read')).status, 200)
  t.equal((await using(bob, 'search_web')).status, 200)

  const answers: (() => void)[] = []
  upstream.answer((arrival, res) => void answers.push(() => obliging(arrival, res)))
  const first = using(alice, 'slow')
  await until(() => answers.length === 1)
  t.ok(isRefused(await using(bob, 'slow'), 503, 1))
  answers[0]?.()
  t.equal((await first).status, 200)
})

t.test('an upstream has its own largest body', async (t) => {
  const { stage, alice, get } = await scene(t, undefined, { maxBodyBytes: 200 })
  const padded = (bytes: number) => ({
    body: call('tools/call', { name: 'x', arguments: 'x'.repeat(bytes) }),
  })
  t.equal((await get(alice, padded(300))).status, 413)
  t.equal((await get(alice, padded(100))).status, 200)
  t.match(stage.events[0], { reason: 'too_large' })
})
