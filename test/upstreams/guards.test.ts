// Owns the promises of the guards: when an upstream is left alone, when it is tried again, and that peers ask as well.

import t from 'tap'
import { createConnections } from '../../src/http/connections.ts'
import { type Peer, PeerFailure, type PeerFailureReason } from '../../src/mcp/peer.ts'
import { UNLIMITED } from '../../src/oauth/allowance.ts'
import { guardPeer } from '../../src/upstreams/guarded-links.ts'
import { createGuards, type Errand, isBarrier, type Passage } from '../../src/upstreams/guards.ts'
import { createOpenApiPeer } from '../../src/upstreams/openapi/peer.ts'
import { createRegistry, type Upstream } from '../../src/upstreams/registry.ts'
import { apiUpstream } from '../support/api-upstream.ts'
import { programUpstream } from '../support/programs/program-upstream.ts'
import { startShop } from '../support/shop-api.ts'
import { asking, visitorOf } from './peers.ts'

const ERRAND: Errand = { subject: 'usr_alice', tools: [], listening: false, messages: 1, urgent: false }

function scene(limits: Partial<Upstream['limits']> = {}, calls: number | null = null) {
  const clock = { now: 0 }
  const guards = createGuards({ perUpstream: { calls, streams: null }, clock: () => clock.now })
  const none = { maxBodyBytes: null, connectTimeoutMs: null, firstByteTimeoutMs: null, tools: [] }
  const full = { ...none, total: UNLIMITED, perPerson: UNLIMITED, ...limits }
  const settings = { name: 'notes', title: 'Notes', url: 'http://x/', headers: {}, limits: full }
  const [upstream] = createRegistry([settings], 'https://gate.example').upstreams()
  if (!upstream) throw new Error('no upstream')
  const enter = (errand: Partial<Errand> = {}) => guards.enter(upstream, { ...ERRAND, ...errand })
  const through = (errand: Partial<Errand> = {}): Passage => {
    const passage = enter(errand)
    if (isBarrier(passage)) throw new Error(passage.reason)
    return passage
  }
  const fail = (times: number) => {
    for (let n = 0; n < times; n++) {
      const passage = through()
      passage.failed()
      passage.leave()
    }
  }
  return { clock, guards, upstream, enter, through, fail }
}

t.test(
  'an upstream that failed five times in a row rests, and is tried again until it answers',
  async (t) => {
    const { clock, enter, through, fail } = scene()
    fail(4)
    through().answered()
    fail(4)
    t.notOk(isBarrier(enter()), 'four are no row of five')
    fail(1)
    t.same(enter(), { reason: 'down', retryAfterSeconds: 5 })
    clock.now = 4200
    t.same(enter(), { reason: 'down', retryAfterSeconds: 1 })
    clock.now = 5000
    const trial = through()
    t.same(enter(), { reason: 'down', retryAfterSeconds: 5 }, 'one at a time')
    clock.now = 10_000
    t.notOk(isBarrier(enter()), 'a trial that hangs holds nobody up')
    trial.failed()
    t.same(enter(), { reason: 'down', retryAfterSeconds: 5 })
    clock.now = 15_000
    through().answered()
    for (let n = 0; n < 10; n++) t.notOk(isBarrier(enter()), 'open to everybody')
    fail(4)
    t.notOk(isBarrier(enter()), 'and the count began anew')
  },
)

t.test('a program of one person that keeps ending takes nothing from the others', async (t) => {
  const { guards, enter, fail } = scene()
  const program = programUpstream()
  for (let n = 0; n < 10; n++) {
    const passage = guards.enter(program, ERRAND)
    if (isBarrier(passage)) return t.fail(passage.reason)
    passage.failed()
    passage.leave()
  }
  t.notOk(isBarrier(guards.enter(program, { ...ERRAND, subject: 'usr_bob' })))
  fail(5)
  t.match(enter(), { reason: 'down' }, 'a server that everybody calls is left alone')
})

t.test('tools are counted by their patterns, for everybody and for each person', async (t) => {
  const rate = { times: 2, seconds: 60 }
  const { enter } = scene({
    tools: [
      { tool: 'search_*', total: { ...UNLIMITED, rate }, perPerson: { ...UNLIMITED, calls: 1 } },
      { tool: 'write', total: { ...UNLIMITED, calls: 1 }, perPerson: UNLIMITED },
    ],
  })
  t.notOk(isBarrier(enter({ tools: ['search_web'] })))
  t.match(enter({ tools: ['search_files'] }), { reason: 'busy' }, 'alice has one under way')
  t.notOk(isBarrier(enter({ tools: ['search_files'], subject: 'usr_bob' })))
  t.match(enter({ tools: ['search_web'], subject: 'usr_carol' }), {
    reason: 'limited',
    retryAfterSeconds: 30,
  })
  t.notOk(isBarrier(enter({ tools: ['write'] })))
  t.match(
    enter({ tools: ['read', 'write'], subject: 'usr_bob' }),
    { reason: 'busy' },
    'a batch hides nothing',
  )
  t.notOk(isBarrier(enter({ tools: ['read'] })))
  t.notOk(isBarrier(enter()))
})

t.test('what an upstream says about itself wins over what holds for all', async (t) => {
  const general = scene({}, 1)
  general.through()
  t.match(general.enter(), { reason: 'busy' })
  const own = scene({ total: { ...UNLIMITED, calls: 2 } }, 1)
  own.through()
  own.through().leave()
  t.notOk(isBarrier(own.enter()))
  t.match(own.enter(), { reason: 'busy' })
})

const VISITOR = visitorOf()
const REQUEST = { method: 'tools/call', params: { name: 'slow' }, inputResponses: null, requestState: null }
const hooks = { signal: new AbortController().signal, notify: () => undefined }

/** A peer whose every answer waits for what a test says. */
function waitingPeer() {
  const waiting: PromiseWithResolvers<void>[] = []
  const wait = () => {
    const next = Promise.withResolvers<void>()
    waiting.push(next)
    return next.promise
  }
  const peer: Peer = {
    discover: async () => {
      await wait()
      return { capabilities: {}, serverInfo: null, instructions: null }
    },
    async request() {
      await wait()
      return { kind: 'result', result: { resultType: 'complete' } }
    },
    listen: wait,
  }
  return { peer, waiting }
}

t.test('a peer takes the places of its upstream, and gives them back however it ends', async (t) => {
  const { guards, upstream, through } = scene({ total: { ...UNLIMITED, calls: 1, streams: 1 } })
  const { peer, waiting } = waitingPeer()
  const guarded = guardPeer(peer, upstream, guards)
  const first = guarded.request(VISITOR, REQUEST, hooks)
  const refused = { name: 'PeerFailure', reason: 'busy', retryAfterSeconds: 1 }
  await t.rejects(guarded.request(VISITOR, REQUEST, hooks), refused)
  await t.rejects(guarded.discover(VISITOR, hooks.signal), refused)
  t.throws(through, /busy/, 'what is forwarded finds the same place taken')
  const stream = guarded.listen(VISITOR, {}, hooks)
  await t.rejects(guarded.listen(VISITOR, {}, hooks), refused)
  const retry = guarded.request(VISITOR, { ...REQUEST, inputResponses: {} }, hooks)
  for (const next of waiting) next.resolve()
  await Promise.all([first, stream, retry])
  const failing = guarded.request(VISITOR, REQUEST, hooks)
  waiting.at(-1)?.reject(new PeerFailure('credentials'))
  await t.rejects(failing, { name: 'PeerFailure', reason: 'credentials' })
  t.notOk(isBarrier(guards.enter(upstream, ERRAND)))
})

t.test('an upstream whose trial is answered with nonsense is there again', async (t) => {
  for (const [reason, isBack] of [
    ['answer', true],
    ['credentials', false],
  ] as const) {
    const { clock, guards, upstream, enter, fail } = scene()
    fail(5)
    clock.now = 5_000
    const { peer, waiting } = waitingPeer()
    const trial = guardPeer(peer, upstream, guards).request(VISITOR, REQUEST, hooks)
    waiting.at(-1)?.reject(new PeerFailure(reason))
    await t.rejects(trial, { name: 'PeerFailure', reason })
    t.equal(isBarrier(enter()), !isBack, reason)
  }
})

t.test(
  'a peer that is not there opens the breaker for all ways, and one that says no does not',
  async (t) => {
    const attempt = async (reason: PeerFailureReason, options = {}) => {
      const { guards, upstream, enter } = scene()
      const { peer, waiting } = waitingPeer()
      const guarded = guardPeer(peer, upstream, guards)
      for (let n = 0; n < 5; n++) {
        const call = guarded.request(VISITOR, REQUEST, hooks)
        waiting.at(-1)?.reject(new PeerFailure(reason, options))
        await t.rejects(call, { name: 'PeerFailure', reason })
      }
      return enter()
    }
    t.match(await attempt('timed_out'), { reason: 'down' })
    t.match(await attempt('unreachable', { cause: new Error('ECONNREFUSED') }), { reason: 'down' })
    t.notOk(isBarrier(await attempt('unreachable')), 'nobody was asked, for something that one caller lacks')
    for (const reason of ['credentials', 'answer', 'lost'] as const)
      t.notOk(isBarrier(await attempt(reason)), reason)
  },
)

t.test(
  'what the document of an API answers says nothing about the API, and is there without it',
  async (t) => {
    const shop = await startShop(t)
    const upstream = apiUpstream({ document: `${shop.origin}/openapi` })
    const connections = createConnections()
    const clock = { now: 0 }
    const guards = createGuards({ perUpstream: { calls: null, streams: null }, clock: () => clock.now })
    const credentialFor = () => ({ kind: 'none' as const })
    const bare = createOpenApiPeer({ upstream, connections, credentialFor, report: () => undefined })
    const peer = guardPeer(bare, upstream, guards)
    t.teardown(async () => {
      bare.close()
      await connections.close()
    })
    const ask = (method: string, params = {}) => peer.request(VISITOR, asking(method, params), hooks)
    const call = () => ask('tools/call', { name: 'getPet', arguments: { petId: 'a' } })
    const isDown = () => guards.stateOf(upstream).isDown
    const askTheDocument = async () => {
      await peer.discover(VISITOR, hooks.signal)
      t.match(await ask('tools/list'), { kind: 'result', result: { tools: [{}] } })
      t.match(await ask('prompts/list'), { kind: 'error' })
      const leaving = new AbortController()
      const listening = peer.listen(VISITOR, {}, { signal: leaving.signal, notify: () => leaving.abort() })
      await listening
    }
    t.match(await call(), { result: { structuredContent: { method: 'GET' } } }, 'the twin')
    shop.answer((res) => void res.destroy())
    for (let failed = 0; failed < 5; failed++) {
      t.notOk(isDown())
      await t.rejects(call(), { name: 'PeerFailure', reason: 'unreachable' })
      await askTheDocument()
      if (failed === 4) break
      t.match(await ask('tools/call', { name: 'nobody' }), { kind: 'error' })
      t.match(await ask('tools/call', { name: 'getPet', arguments: { no: 1 } }), {
        result: { isError: true },
      })
    }
    t.ok(isDown())
    await t.rejects(call(), { name: 'PeerFailure', reason: 'down' })
    await askTheDocument()
    shop.answer((res) => void res.writeHead(404).end())
    clock.now = 5_000
    await askTheDocument()
    t.ok(isDown())
    t.match(await call(), { kind: 'result' }, 'the lists have not used up its turn')
    t.notOk(isDown())
  },
)
