// Owns the proof that our own requests are sent once more where nobody has seen them, or where seeing them twice changes nothing.

import t, { type Test } from 'tap'
import { type Connections, createConnections } from '../../src/http/connections.ts'
import { createLocalMailbox } from '../../src/mcp/mailbox.ts'
import type { Peer, PeerRequest } from '../../src/mcp/peer.ts'
import { isRecord } from '../../src/mcp/rpc.ts'
import { balancedConnections } from '../../src/upstreams/balanced-connections.ts'
import { openHttpChannels } from '../../src/upstreams/legacy/http-channel.ts'
import { createLegacyPeer } from '../../src/upstreams/legacy/peer.ts'
import { openSseChannels } from '../../src/upstreams/legacy/sse-channel.ts'
import { createModernPeer } from '../../src/upstreams/modern/peer.ts'
import { createOpenApiPeer } from '../../src/upstreams/openapi/peer.ts'
import { createUpstream } from '../../src/upstreams/settings.ts'
import { apiUpstream } from '../support/api-upstream.ts'
import { startSseServer } from '../support/sse-server.ts'
import { asking, listening, type Received, sendResult, servePlainly, upstreamAt, visitorOf } from './peers.ts'

const NOBODY = 'http://127.0.0.1:9/mcp'
const credentialFor = () => ({ kind: 'none' as const })
const LISTING = asking('prompts/list')
const READING = asking('prompts/get', { name: 'a' })
const CALLING = asking('tools/call', { name: 'a', arguments: {} })
const CONTINUING = asking('prompts/get', { name: 'a' }, { inputResponses: { b: { action: 'accept' } } })

/** What is wrong with the way to the upstream for the next request of this method. */
type Trouble = { readonly method: string; readonly way: 'nobody' | 'reset' } | null

interface Scene {
  readonly peer: Peer
  /** How often the upstream was asked this. */
  count(method: string): number
  troubled(trouble: Trouble, request: PeerRequest): Promise<unknown>
}

function methodIn(body: string | null): unknown {
  const json: unknown = body === null ? null : JSON.parse(body)
  return isRecord(json) ? json.method : null
}

async function scene(t: Test, open: (url: string, connections: Connections) => Peer): Promise<Scene> {
  let trouble: Trouble = null
  const has = (way: 'nobody' | 'reset', method: unknown) => {
    if (trouble?.way !== way || trouble.method !== method) return false
    trouble = null
    return true
  }
  const { url, received } = await servePlainly(t, (one) => {
    if (has('reset', one.body.method)) one.req.socket.resetAndDestroy()
    else answer(one)
  })
  const real = createConnections()
  const connections: Connections = {
    ...real,
    request: (outgoing) =>
      real.request(has('nobody', methodIn(outgoing.body)) ? { ...outgoing, url: NOBODY } : outgoing),
  }
  t.teardown(() => real.close())
  const peer = open(url, connections)
  return {
    peer,
    count: (method) => received.filter(({ body }) => body.method === method).length,
    troubled(next, request) {
      trouble = next
      return peer.request(visitorOf(), request, listening())
    },
  }
}

function answer(one: Received): void {
  const { method, id } = one.body
  if (method === 'initialize') sendResult(one, { protocolVersion: '2025-11-25', capabilities: {} })
  else if (id === undefined) one.res.writeHead(one.req.method === 'POST' ? 202 : 405).end()
  else sendResult(one, { tools: [], prompts: [], messages: [], content: [] })
}

const modernPeer = (url: string, connections: Connections) =>
  createModernPeer({ upstream: upstreamAt(url), connections, credentialFor })

const legacyPeer = (t: Test) => (url: string, connections: Connections) => {
  const sealer = { seal: (text: string) => text, open: (text: string) => text }
  const peer = createLegacyPeer({
    upstream: upstreamAt(url),
    open: openHttpChannels({ connections }),
    credentialFor,
    sealer,
    mailbox: createLocalMailbox(),
  })
  t.teardown(() => peer.close())
  return peer
}

const KINDS = {
  modern: () => modernPeer,
  legacy: legacyPeer,
}

for (const [kind, opener] of Object.entries(KINDS)) {
  t.test(`a ${kind} upstream where nobody was is asked once more`, async (t) => {
    const { count, troubled } = await scene(t, opener(t))
    for (const request of [LISTING, READING, CALLING, asking('x/unknown')]) {
      const { method } = request
      t.match(await troubled({ method, way: 'nobody' }, request), { kind: 'result' }, method)
      t.equal(count(method), 1)
    }
  })

  t.test(
    `a ${kind} upstream that went away is asked once more what only reads, and a tool never`,
    async (t) => {
      const { count, troubled } = await scene(t, opener(t))
      for (const request of [LISTING, READING]) {
        const { method } = request
        t.match(await troubled({ method, way: 'reset' }, request), { kind: 'result' }, method)
        t.equal(count(method), 2)
      }
      const lost = troubled({ method: 'tools/call', way: 'reset' }, CALLING)
      await t.rejects(lost, { name: 'PeerFailure', reason: 'unreachable' })
      t.equal(count('tools/call'), 1, 'it may have been done')
      t.match(await troubled(null, CALLING), { kind: 'result' })
    },
  )
}

t.test('answers to what an upstream asked are given once', async (t) => {
  const { count, troubled } = await scene(t, modernPeer)
  for (const way of ['reset', 'nobody'] as const)
    await t.rejects(troubled({ method: 'prompts/get', way }, CONTINUING), {
      name: 'PeerFailure',
      reason: 'unreachable',
    })
  t.equal(count('prompts/get'), 1)
  t.match(await troubled(null, CONTINUING), { kind: 'result' })
})

t.test('a session that did not come about is begun once more, also for a tool', async (t) => {
  for (const way of ['reset', 'nobody'] as const) {
    const { count, troubled } = await scene(t, legacyPeer(t))
    t.match(await troubled({ method: 'initialize', way }, CALLING), { kind: 'result' })
    t.equal(count('initialize'), way === 'reset' ? 2 : 1)
    t.equal(count('tools/call'), 1)
  }
})

t.test('who is not there the second time either is not asked a third time', async (t) => {
  let tries = 0
  const real = createConnections()
  t.teardown(() => real.close())
  const counted: Connections = {
    ...real,
    request: (outgoing) => {
      tries++
      return real.request(outgoing)
    },
  }
  for (const peer of [modernPeer(NOBODY, counted), legacyPeer(t)(NOBODY, counted)]) {
    tries = 0
    await t.rejects(peer.request(visitorOf(), LISTING, listening()), {
      name: 'PeerFailure',
      reason: 'unreachable',
    })
    t.equal(tries, 2)
  }
})

t.test('who leaves during the pause is not asked for any more', async (t) => {
  const real = createConnections()
  t.teardown(() => real.close())
  const hooks = listening()
  let tries = 0
  const leaving: Connections = {
    ...real,
    request: (outgoing) => {
      tries++
      return real.request(outgoing).finally(() => setImmediate(hooks.leave))
    },
  }
  await t.rejects(modernPeer(NOBODY, leaving).request(visitorOf(), LISTING, hooks), { name: 'AbortError' })
  t.equal(tries, 1)
})

t.test('of several endpoints the next one is asked at once, and the others later', async (t) => {
  const one = await servePlainly(t, answer)
  const upstream = createUpstream({
    name: 'notes',
    title: 'Notes',
    url: NOBODY,
    otherUrls: [one.url],
    headers: {},
  })
  if (upstream.kind !== 'http' || upstream.balance === null) throw new Error('not balanced')
  const real = createConnections()
  t.teardown(() => real.close())
  const connections = balancedConnections(real, upstream.balance)
  const peer = createModernPeer({ upstream, connections, credentialFor })
  for (let at = 0; at < 4; at++)
    t.match(await peer.request(visitorOf(), CALLING, listening()), { kind: 'result' })
  t.equal(one.received.filter(({ body }) => body.method === 'tools/call').length, 4)
})

t.test('a message to a server of HTTP+SSE that found nobody is sent once more', async (t) => {
  const server = await startSseServer()
  t.teardown(() => server.close())
  const real = createConnections()
  let isAway = true
  const connections: Connections = {
    ...real,
    request: (outgoing) => {
      const lost = isAway && methodIn(outgoing.body) === 'tools/call'
      if (lost) isAway = false
      return real.request(lost ? { ...outgoing, url: NOBODY } : outgoing)
    },
  }
  const upstream = createUpstream({
    kind: 'sse',
    name: 'old',
    title: 'Old',
    url: server.url,
    headers: {},
  })
  const sealer = { seal: (text: string) => text, open: (text: string) => text }
  const open = openSseChannels({ connections })
  const peer = createLegacyPeer({ upstream, open, credentialFor, sealer, mailbox: createLocalMailbox() })
  t.teardown(async () => {
    await peer.close()
    await real.close()
  })
  const greeting = asking('tools/call', { name: 'hello', arguments: { name: 'Ann' } })
  t.match(await peer.request(visitorOf(), greeting, listening()), {
    result: { content: [{ text: 'Hello Ann' }] },
  })
  t.notOk(isAway)
})

t.test('an HTTP API is asked once more what only reads, and whatever found nobody', async (t) => {
  const asked: string[] = []
  let trouble: 'nobody' | 'reset' | null = null
  const operation = (operationId: string) => ({ operationId, responses: { 200: { description: 'ok' } } })
  const paths = { '/pets': { get: operation('list'), post: operation('add') } }
  const { url } = await servePlainly(t, ({ req, res }) => {
    const { method = '', url: path } = req
    if (path === '/openapi') {
      const document = { openapi: '3.1.0', info: { title: 'a', version: '1' }, paths }
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
      return
    }
    asked.push(method)
    const breaks = trouble === 'reset'
    trouble = null
    if (breaks) req.socket.resetAndDestroy()
    else res.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}')
  })
  const real = createConnections()
  const connections: Connections = {
    ...real,
    request: (outgoing) => {
      const lost = trouble === 'nobody' && outgoing.url.endsWith('/pets')
      if (lost) trouble = null
      return real.request(lost ? { ...outgoing, url: NOBODY } : outgoing)
    },
  }
  const upstream = apiUpstream({ writes: true, document: `${new URL(url).origin}/openapi` })
  const peer = createOpenApiPeer({ upstream, connections, credentialFor, report: () => undefined })
  t.teardown(async () => {
    peer.close()
    await real.close()
  })
  const call = (name: string, next: typeof trouble) => {
    trouble = next
    return peer.request(visitorOf(), asking('tools/call', { name, arguments: {} }), listening())
  }
  await peer.request(visitorOf(), asking('tools/list'), listening())
  for (const name of ['list', 'add'])
    t.match(await call(name, 'nobody'), { result: { structuredContent: { ok: true } } })
  t.match(await call('list', 'reset'), { result: { structuredContent: { ok: true } } })
  await t.rejects(call('add', 'reset'), { name: 'PeerFailure', reason: 'unreachable' })
  t.same(asked, ['GET', 'POST', 'GET', 'GET', 'POST'])
})
