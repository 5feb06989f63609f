// Owns the proof of the links: each upstream is asked once which era it speaks, and again when something speaks against it.

import t, { type Test } from 'tap'
import type { EraTimes } from '../../src/upstreams/known-eras.ts'
import type { Links, LinksNeeds } from '../../src/upstreams/links.ts'
import type { HttpUpstream } from '../../src/upstreams/registry.ts'
import { startEverythingServer } from '../support/everything-server.ts'
import { openLinks } from '../support/links.ts'
import { freePort } from '../support/local-server.ts'
import { until } from '../support/until.ts'
import {
  asking,
  callerOf,
  listening,
  type Plain,
  type Received,
  sendError,
  sendResult,
  servePlainly,
  upstreamAt,
  visitorOf,
} from './peers.ts'

const TIMES: EraTimes = { ttl: 60_000, firstPause: 1_000, longestPause: 4_000, contradictionPause: 500 }

function setUp(t: Test, needs: Partial<LinksNeeds> = {}): { links: Links; clock: { ahead: number } } {
  const clock = { ahead: 0 }
  const links = openLinks(t, { clock: () => clock.ahead, times: TIMES, ...needs })
  return { links, clock }
}

async function verdict(links: Links, upstream: HttpUpstream, subject?: string): Promise<string> {
  const caller = callerOf(subject)
  const modern = await links.passes(upstream, 'modern', caller)
  const legacy = await links.passes(upstream, 'legacy', caller)
  if (modern && legacy) return 'both'
  if (modern) return 'modern'
  return legacy ? 'legacy' : 'neither'
}

function methodsOf({ received }: Plain): readonly unknown[] {
  return received.map(({ req, body }) => body.method ?? req.method)
}

/** As a server of that era alone would answer a probe. */
const MODERN = (received: Received) => {
  if (received.body.method === 'server/discover')
    sendResult(received, { supportedVersions: ['2026-07-28'], capabilities: {} })
  else sendError(received, 400, -32022, { supported: ['2026-07-28'] })
}
const LEGACY = (received: Received) => {
  if (received.body.method === 'initialize') {
    received.res.setHeader('mcp-session-id', 'session-1')
    sendResult(received, { protocolVersion: '2025-11-25', capabilities: {} })
  } else if (received.req.method === 'DELETE') received.res.writeHead(405).end()
  else sendError(received, 400, -32000)
}

t.test('real servers of one era, of the other, and of both', async (t) => {
  const { links } = setUp(t)
  for (const eras of [['modern'], ['legacy'], ['legacy', 'modern']] as const) {
    const server = await startEverythingServer({ eras: new Set(eras) })
    t.teardown(() => server.close())
    t.equal(await verdict(links, upstreamAt(server.url)), eras.length === 2 ? 'both' : eras[0])
    t.equal(server.sessionCount(), 0, 'no session is left behind')
  }
})

t.test('the first one to come asks, everybody waits for that, and then it is known at once', async (t) => {
  const plain = await servePlainly(t, LEGACY)
  const upstream = upstreamAt(plain.url)
  const { links } = setUp(t)
  const asked = Array.from({ length: 10 }, (_, at) => links.passes(upstream, 'modern', callerOf(`usr_${at}`)))
  t.same(new Set(await Promise.all(asked)), new Set([false]))
  t.equal(links.passes(upstream, 'legacy', callerOf()), true, 'without a promise')
  t.same(methodsOf(plain), ['server/discover', 'initialize', 'DELETE'])
  t.equal(plain.received[2]?.req.headers['mcp-session-id'], 'session-1')
})

t.test('a server is modern by its errors as well, and legacy when it names only old versions', async (t) => {
  const answers: readonly (readonly [string, (received: Received) => void])[] = [
    ['modern', (received) => sendError(received, 400, -32022, { supported: ['2027-01-01'] })],
    ['modern', (received) => sendError(received, 400, -32021, { requiredCapabilities: {} })],
    ['legacy', old((received) => sendError(received, 400, -32022, { supported: ['2025-11-25'] }))],
    ['legacy', old((received) => sendError(received, 200, -32601))],
    ['legacy', old(({ res }) => void res.writeHead(405).end())],
    ['legacy', old((received) => sendResult(received, { unexpected: true }))],
  ]
  for (const [expected, answer] of answers) {
    const { links } = setUp(t)
    const { url } = await servePlainly(t, answer)
    t.equal(await verdict(links, upstreamAt(url)), expected)
  }
})

function old(discover: (received: Received) => void): (received: Received) => void {
  return (received) => (received.body.method === 'server/discover' ? discover : LEGACY)(received)
}

t.test('who does not say is asked later: everything passes until then, and the pauses grow', async (t) => {
  const silent: readonly ((received: Received) => void)[] = [
    ({ res }) => void res.writeHead(401, { 'www-authenticate': 'Bearer' }).end(),
    ({ res }) => void res.writeHead(403).end(),
    ({ res }) => void res.writeHead(429).end(),
    (received) => sendError(received, 500, -32601),
    ({ res }) => void res.destroy(),
    ({ res }) => void res.writeHead(302, { location: '/other' }).end(),
    ({ res }) => void res.writeHead(404).end(),
  ]
  for (const answer of silent) {
    let now = answer
    const { links, clock } = setUp(t)
    const plain = await servePlainly(t, (received) => now(received))
    const upstream = upstreamAt(plain.url)
    t.equal(await verdict(links, upstream), 'both')
    const probed = plain.received.length
    clock.ahead += 999
    t.equal(links.passes(upstream, 'modern', callerOf()), true, 'known at once for now')
    t.equal(plain.received.length, probed)
    clock.ahead += 1
    t.equal(await verdict(links, upstream), 'both')
    t.equal(plain.received.length, 2 * probed)
    clock.ahead += 1_999
    t.equal(await verdict(links, upstream), 'both')
    t.equal(plain.received.length, 2 * probed)
    now = MODERN
    clock.ahead += 1
    t.equal(await verdict(links, upstream), 'modern')
  }
})

t.test("somebody else's credentials may open what was closed to the first", async (t) => {
  const plain = await servePlainly(t, (received) => {
    if (received.req.headers.authorization === 'Bearer usr_bob') MODERN(received)
    else received.res.writeHead(401).end()
  })
  const upstream = upstreamAt(plain.url)
  const { links } = setUp(t, {
    credentialFor: ({ subject }) => ({ kind: 'header', name: 'authorization', value: `Bearer ${subject}` }),
  })
  t.equal(await verdict(links, upstream, 'usr_alice'), 'both')
  t.equal(plain.received.length, 1)
  t.equal(await verdict(links, upstream, 'usr_bob'), 'modern')
  t.equal(await verdict(links, upstream, 'usr_alice'), 'modern')
})

t.test(
  'what is known stays in use while it is asked for again, also when the upstream is down by then',
  async (t) => {
    let answer = MODERN
    const plain = await servePlainly(t, (received) => answer(received))
    const upstream = upstreamAt(plain.url)
    const { links, clock } = setUp(t)
    t.equal(await verdict(links, upstream), 'modern')
    answer = ({ res }) => void res.writeHead(503).end()
    clock.ahead += 60_000
    t.equal(links.passes(upstream, 'legacy', callerOf()), false)
    await until('the probe', () => plain.received.length === 4)
    await until('its end', () => links.passes(upstream, 'legacy', callerOf()) === false)
    answer = LEGACY
    clock.ahead += 60_000
    t.equal(links.passes(upstream, 'legacy', callerOf()), false)
    await until('the other era', () => links.passes(upstream, 'legacy', callerOf()) === true)
  },
)

t.test('a contradiction is a reason to ask, but not all the time', async (t) => {
  let answer = MODERN
  const plain = await servePlainly(t, (received) => answer(received))
  const upstream = upstreamAt(plain.url)
  const { links, clock } = setUp(t)
  t.equal(await verdict(links, upstream), 'modern')
  const probed = plain.received.length
  answer = LEGACY
  for (let time = 0; time < 100; time++) links.contradict(upstream, callerOf())
  t.equal(plain.received.length, probed)
  clock.ahead += 500
  for (let time = 0; time < 100; time++) links.contradict(upstream, callerOf())
  await until('the other era', () => links.passes(upstream, 'legacy', callerOf()) === true)
  t.equal(plain.received.length, probed + 3)
})

t.test(
  'an upstream that comes back in another era is spoken to in that one, by the call that notices',
  async (t) => {
    const port = await freePort()
    const modern = await startEverythingServer({ eras: new Set(['modern']), port })
    const upstream = upstreamAt(modern.url)
    const { links, clock } = setUp(t)
    const peer = links.peerOf(upstream)
    const call = asking('tools/call', { name: 'test_simple_text' })
    t.match(await peer.request(visitorOf(), call, listening()), { kind: 'result' })
    await modern.close()
    await t.rejects(peer.request(visitorOf(), call, listening()), {
      name: 'PeerFailure',
      reason: 'unreachable',
    })
    const legacy = await startEverythingServer({ eras: new Set(['legacy']), port })
    t.teardown(() => legacy.close())
    clock.ahead += 1_000
    await peer.request(visitorOf(), call, listening()).catch(() => undefined)
    t.equal(await verdict(links, upstream), 'legacy')
  },
)
