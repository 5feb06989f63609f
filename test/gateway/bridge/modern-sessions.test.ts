// Owns the proof of how a modern client's calls share sessions at a legacy upstream: never with another person, never for ever.

import type { ServerResponse } from 'node:http'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import t from 'tap'
import { createConnections } from '../../../src/http/connections.ts'
import { type Received, sendError, sendJson, sendResult, servePlainly } from '../../upstreams/peers.ts'
import { errorOf, send, until } from '../stage.ts'
import { type LegacyUpstream, serveLegacy, type UpstreamOptions } from './legacy-upstream.ts'
import { asking, setBridge } from './modern-stage.ts'

function counting() {
  const runs = { count: 0 }
  const build = () => {
    const server = new McpServer({ name: 'counting', version: '1' })
    server.registerTool('count', {}, (extra) => {
      runs.count++
      return { content: [{ type: 'text', text: String(extra.sessionId) }] }
    })
    return server
  }
  return { build, runs }
}

const COUNT = { name: 'count' }

function sessionsUsed({ received }: LegacyUpstream): number {
  const ids = received
    .filter(({ method }) => method === 'tools/call')
    .map(({ headers }) => headers['mcp-session-id'])
  return new Set(ids).size
}

t.test('two persons, two clients, or two sets of capabilities never share a session', async (t) => {
  const { build } = counting()
  const upstream = await serveLegacy(t, build)
  const stage = await setBridge(t, upstream.url)
  const call = async (claims: object, capabilities: object = {}) => {
    const token = await stage.token({ ...claims })
    const { json } = await send(stage, asking('tools/call', COUNT, { token, capabilities }))
    return JSON.stringify(json.result)
  }
  const alice = await call({})
  t.equal(await call({}), alice)
  t.equal(await call({ gid: 'grant-2' }), alice)
  const others = [
    await call({ sub: 'usr_bob' }),
    await call({ client_id: 'client-2' }),
    await call({}, { sampling: {} }),
  ]
  t.equal(new Set([alice, ...others]).size, 4)
  t.equal(upstream.sessions(), 4)
})

t.test('each session presents the credential of its own person, and the newest', async (t) => {
  const { build } = counting()
  const upstream = await serveLegacy(t, build)
  const stage = await setBridge(t, upstream.url, {
    credentialFor: ({ subject, grantId }) => ({
      kind: 'header',
      name: 'authorization',
      value: `Bearer ${subject} ${grantId}`,
    }),
  })
  const people = [{ sub: 'usr_alice' }, { sub: 'usr_bob' }, { sub: 'usr_alice', gid: 'newer' }]
  for (const claims of people) {
    await send(stage, asking('tools/call', COUNT, { token: await stage.token(claims) }))
  }
  const presented = upstream.received
    .filter(({ method }) => method === 'tools/call')
    .map(({ headers }) => headers.authorization)
  t.same(presented, ['Bearer usr_alice grant-1', 'Bearer usr_bob grant-1', 'Bearer usr_alice newer'])
  t.equal(sessionsUsed(upstream), 2)
})

t.test('many first calls at once share one handshake', async (t) => {
  const { build, runs } = counting()
  const upstream = await serveLegacy(t, build)
  const stage = await setBridge(t, upstream.url)
  const token = await stage.token()
  await Promise.all(
    Array.from({ length: 20 }, (_, id) => send(stage, asking('tools/call', COUNT, { token, id }))),
  )
  t.equal(runs.count, 20)
  t.equal(upstream.count('initialize'), 1)
})

t.test('an upstream that forgot its sessions gets a new one, and each tool runs once', async (t) => {
  const { build, runs } = counting()
  const upstream = await serveLegacy(t, build)
  const stage = await setBridge(t, upstream.url)
  const token = await stage.token()
  await send(stage, asking('tools/call', COUNT, { token }))
  await upstream.forgetSessions()
  const answers = await Promise.all(
    [1, 2, 3].map((id) => send(stage, asking('tools/call', COUNT, { token, id }))),
  )
  t.same(
    answers.map(({ status }) => status),
    [200, 200, 200],
  )
  t.equal(runs.count, 4)
  t.equal(upstream.count('initialize'), 2)
  t.equal(upstream.sessions(), 1)
})

t.test('an upstream that says it with 400 runs no tool twice, and works from the next call on', async (t) => {
  const { build, runs } = counting()
  const unknownSession = (res: ServerResponse) => {
    const error = { code: -32000, message: 'Bad Request: No valid session ID provided' }
    res
      .writeHead(400, { 'content-type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', error, id: null }))
  }
  const upstream = await serveLegacy(t, build, { unknownSession })
  const stage = await setBridge(t, upstream.url)
  const token = await stage.token()
  const calling = () => send(stage, asking('tools/call', COUNT, { token }))
  await calling()
  await upstream.forgetSessions()
  const told = { error: { message: /as after a restart.*Make the call again/ } }
  t.match(await calling(), { status: 502, json: told })
  t.equal((await calling()).status, 200)
  t.equal(runs.count, 2)
  await upstream.forgetSessions()
  t.equal((await send(stage, asking('tools/list', {}, { token }))).status, 200)
})

t.test(
  'an upstream that does not know a method, and says so with 404, has not forgotten its session',
  async (t) => {
    const upstream = await servePlainly(t, (received) => {
      const { method, id } = received.body
      if (method === 'initialize') received.res.setHeader('mcp-session-id', 'session-1')
      if (method === 'initialize') sendResult(received, { protocolVersion: '2025-11-25', capabilities: {} })
      else if (id === undefined) received.res.writeHead(202).end()
      else if (method === 'tools/list') sendResult(received, { tools: [] })
      else sendError(received, 404, method === 'vendor/lost' ? -32001 : -32601)
    })
    const stage = await setBridge(t, upstream.url)
    const token = await stage.token()
    const ask = (method: string) => send(stage, asking(method, {}, { token }))
    const handshakes = () => upstream.received.filter(({ body }) => body.method === 'initialize').length
    const unknown = await ask('vendor/unknown')
    t.equal(unknown.status, 404)
    t.match(unknown.json, { id: 1, error: { code: -32601, message: 'no' } })
    t.equal((await ask('tools/list')).status, 200)
    t.equal(handshakes(), 1)
    await ask('vendor/lost')
    t.equal(handshakes(), 2, 'any other error is about the session')
  },
)

/** Null: it has none. */
function wantSession(received: Received, session: string | null, refuse: (received: Received) => void): void {
  const { req, res, body } = received
  const isBegin = body.method === 'initialize'
  if (!isBegin && req.headers['mcp-session-id'] !== (session ?? undefined)) refuse(received)
  else if (body.id === undefined) res.writeHead(202).end()
  else {
    if (isBegin && session !== null) res.setHeader('mcp-session-id', session)
    sendResult(received, { protocolVersion: '2025-11-25', capabilities: {}, content: [] })
  }
}

t.test(
  'an upstream that wants sessions from now on, or a new one, gets it, in whichever words it says so',
  async (t) => {
    for (const named of [false, true])
      for (const [what, code, id] of [
        ['as the SDK does', -32000, null],
        ['with the id of the request', -32000, 'that'],
        ['as a request that is not valid', -32600, 'that'],
      ] as const) {
        let session: string | null = named ? 'first' : null
        const refuse = (received: Received) =>
          sendJson(received, 400, {
            jsonrpc: '2.0',
            id: id && received.body.id,
            error: { code, message: 'no' },
          })
        const upstream = await servePlainly(t, (received) => wantSession(received, session, refuse))
        const stage = await setBridge(t, upstream.url)
        const token = await stage.token()
        const calling = async () => {
          const { status, json } = await send(stage, asking('tools/call', COUNT, { token }))
          return status === 200 && 'result' in json
        }
        t.ok(await calling(), what)
        session = 'second'
        await calling()
        t.ok(await calling(), `${what}, from the next call on`)
        const calls = upstream.received.filter(({ body }) => body.method === 'tools/call')
        t.equal(calls.length, 3, 'and no call is made twice')
      }
  },
)

t.test('a session that nobody uses is closed at the upstream, and the next call opens another', async (t) => {
  const { build } = counting()
  const upstream = await serveLegacy(t, build)
  const stage = await setBridge(t, upstream.url, { limits: { idleMs: 1000 } })
  const token = await stage.token()
  await send(stage, asking('tools/call', COUNT, { token }))
  t.equal(stage.peer.sessions(), 1)
  await until(() => upstream.sessions() === 0)
  t.equal(stage.peer.sessions(), 0)
  t.equal(upstream.received.filter(({ httpMethod }) => httpMethod === 'DELETE').length, 1)
  t.equal((await send(stage, asking('tools/call', COUNT, { token }))).status, 200)
})

t.test('one person cannot have all sessions: an idle one makes room, a used one does not', async (t) => {
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const upstream = await serveLegacy(t, () => {
    const server = counting().build()
    server.registerTool('wait', {}, async () => {
      await held
      return { content: [] }
    })
    return server
  })
  const stage = await setBridge(t, upstream.url, { limits: { maxSessionsPerPerson: 2 } })
  const call = async (claims: object, name = 'count') =>
    send(stage, asking('tools/call', { name }, { token: await stage.token({ ...claims }) }))
  const waiting = [call({ client_id: 'a' }, 'wait'), call({ client_id: 'b' }, 'wait')]
  await until(() => upstream.count('tools/call') === 2)
  const refused = await call({ client_id: 'c' })
  t.equal(refused.status, 503)
  t.match(errorOf(refused), { message: /open/ })
  t.equal((await call({ sub: 'usr_bob', client_id: 'c' })).status, 200)
  release()
  await Promise.all(waiting)
  t.equal((await call({ client_id: 'c' })).status, 200)
  t.equal(stage.peer.sessions(), 3)
})

t.test(
  'a session stays at the endpoint that began it, and an endpoint that is not there is left out',
  async (t) => {
    const { build, runs } = counting()
    const [one, other] = [await serveLegacy(t, build), await serveLegacy(t, build)]
    const otherUrls = [other.url, 'http://127.0.0.1:9/mcp']
    const stage = await setBridge(t, one.url, { otherUrls })
    for (let round = 0; round < 3; round++) {
      for (const sub of ['usr_a', 'usr_b', 'usr_c', 'usr_d']) {
        const token = await stage.token({ sub, gid: sub })
        t.equal((await send(stage, asking('tools/call', COUNT, { token }))).status, 200)
      }
    }
    t.equal(runs.count, 12)
    t.equal(one.sessions() + other.sessions(), 4)
    t.ok(one.sessions() > 0 && other.sessions() > 0)
  },
)

/** Speaks the first revision with this transport alone, and either offers that or refuses every other one. */
function oldest(refuses: boolean): NonNullable<UpstreamOptions['before']> {
  return (_req, res, body) => {
    const asked = JSON.stringify(body ?? {})
    if (!asked.includes('"initialize"')) {
      res.writeHead(202).end()
      return true
    }
    const serverInfo = { name: 'old', version: '0' }
    const result = { protocolVersion: '2025-03-26', capabilities: {}, serverInfo }
    const error = { code: -32000, message: 'Bad Request: Unsupported protocol version' }
    const refused = refuses && !asked.includes('2025-03-26')
    const answer = { jsonrpc: '2.0', id: JSON.parse(asked).id, ...(refused ? { error } : { result }) }
    res.writeHead(refused ? 400 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    return true
  }
}

t.test('an upstream that offers an older revision, and one that refuses newer ones', async (t) => {
  for (const refuses of [false, true]) {
    const upstream = await serveLegacy(t, counting().build, { before: oldest(refuses) })
    const stage = await setBridge(t, upstream.url)
    const discovered = await send(stage, asking('server/discover', {}, { token: await stage.token() }))
    t.equal(discovered.status, 200, String(refuses))
    const { headers } = upstream.received.find(({ method }) => method === 'notifications/initialized') ?? {}
    t.equal(headers?.['mcp-protocol-version'], '2025-03-26')
    await send(stage, asking('tools/list', {}, { token: await stage.token() }))
    t.equal(upstream.count('initialize'), refuses ? 3 : 1, 'and once is enough')
  }
})

t.test('a thousand calls leave no session, no timer and no connection', async (t) => {
  const { build, runs } = counting()
  const upstream = await serveLegacy(t, build)
  const connections = createConnections()
  const stage = await setBridge(t, upstream.url, { limits: { idleMs: 200 }, connections })
  const tokens = await Promise.all(
    Array.from({ length: 10 }, (_, person) => stage.token({ sub: `usr_${person}`, gid: `grant_${person}` })),
  )
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  for (let round = 0; round < 20; round++) {
    const round50 = Array.from({ length: 50 }, (_, id) => {
      const token = tokens[id % 10] ?? ''
      const leaving = id % 5 === 0 ? new AbortController() : null
      if (leaving) setTimeout(() => leaving.abort(), 1)
      const sent = asking('tools/call', COUNT, { token, id, ...(leaving && { signal: leaving.signal }) })
      return send(stage, sent).catch(() => null)
    })
    await Promise.all(round50)
  }
  t.ok(runs.count >= 800, `${runs.count} runs`)
  await until(() => upstream.sessions() === 0)
  t.equal(stage.peer.sessions(), 0)
  t.equal(stage.peer.held(), 0)
  t.equal(stage.gateway.openStreams(), 0)
  await connections.close()
  await until(() => upstream.connections() === 0)
  await until(() => timers() <= before)
  t.same(stage.errors, [])
})
