// Owns the proof that a legacy session belongs to the person, the client and the upstream that opened it.

import t from 'tap'
import { json, startHostileUpstream } from '../support/hostile-upstream.ts'
import { call, errorOf, MODERN, modern, PUBLIC_URL, type Stage, send, sendRaw, setStage } from './stage.ts'

const UPSTREAM_ID = 'upstream-session-1'

/** Two upstreams that name every session alike. */
async function stageWithSessions(t: Parameters<typeof startHostileUpstream>[0]) {
  const [a, b] = [await startHostileUpstream(t), await startHostileUpstream(t)]
  for (const upstream of [a, b]) {
    upstream.answer((_, res) =>
      json(res, 200, { jsonrpc: '2.0', id: 1, result: {} }, { 'mcp-session-id': UPSTREAM_ID }),
    )
  }
  const stage = await setStage(t, [
    { name: 'notes', url: a.url },
    { name: 'other', url: b.url },
  ])
  return { stage, a, b }
}

async function openSession(stage: Stage, token: string): Promise<string> {
  const { headers } = await send(stage, { token, body: call('initialize', {}) })
  return String(headers['mcp-session-id'])
}

t.test('the client gets a handle, the upstream its own id', async (t) => {
  const { stage, a } = await stageWithSessions(t)
  const token = await stage.token()
  const handle = await openSession(stage, token)
  t.not(handle, UPSTREAM_ID)
  t.match(handle, /^[\x21-\x7e]{32,}$/)
  t.notMatch(Buffer.from(handle, 'base64url').toString('latin1'), UPSTREAM_ID)

  for (const method of ['POST', 'GET', 'DELETE']) {
    const { status, headers } = await send(stage, { token, method, headers: { 'mcp-session-id': handle } })
    t.equal(status, 200, method)
    t.equal(headers['mcp-session-id'], handle, 'the client keeps the handle that it has')
    t.same(a.arrivals.at(-1)?.headers['mcp-session-id'], [UPSTREAM_ID])
  }
  t.not(
    await openSession(stage, token),
    handle,
    'two sessions have two handles, even if the upstream names them alike',
  )
})

t.test('it goes on with a new token of the same person and client', async (t) => {
  const { stage } = await stageWithSessions(t)
  const handle = await openSession(stage, await stage.token())
  const later = await stage.token({ gid: 'grant-after-step-up', scope: 'notes notes:read' })
  t.equal((await send(stage, { token: later, headers: { 'mcp-session-id': handle } })).status, 200)
})

t.test('for anybody else it does not exist', async (t) => {
  const { stage, a, b } = await stageWithSessions(t)
  const handle = await openSession(stage, await stage.token())
  const seen = a.arrivals.length
  const strangers: Record<string, { token: string; path?: string }> = {
    'another person': { token: await stage.token({ sub: 'usr_bob' }) },
    'another client of the same person': { token: await stage.token({ client_id: 'evil' }) },
    'names that only look alike when joined': {
      token: await stage.token({ sub: 'usr_alice|client-1', client_id: 'client-1' }),
    },
    'another upstream': {
      token: await stage.token({ aud: `${PUBLIC_URL}/mcp/other`, scope: 'other' }),
      path: '/mcp/other',
    },
  }
  for (const [who, stranger] of Object.entries(strangers)) {
    for (const method of ['POST', 'GET', 'DELETE']) {
      const answer = await send(stage, { ...stranger, method, headers: { 'mcp-session-id': handle } })
      t.equal(answer.status, 404, `${who}, ${method}`)
      t.equal(answer.json.id, method === 'POST' ? 1 : null)
    }
  }
  t.equal(a.arrivals.length, seen)
  t.equal(b.arrivals.length, 0)
})

t.test('invented and altered handles are unknown, and the upstream is never asked', async (t) => {
  const { stage, a } = await stageWithSessions(t)
  const token = await stage.token()
  const handle = await openSession(stage, token)
  const seen = a.arrivals.length
  const altered = `${handle.slice(0, -4)}${handle.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
  for (const guess of [UPSTREAM_ID, altered, handle.slice(1), 'mcp-session-00000000', `${handle}AAAA`]) {
    const answer = await send(stage, { token, headers: { 'mcp-session-id': guess } })
    t.equal(answer.status, 404, guess.slice(0, 30))
    t.equal(errorOf(answer).code, -32600)
  }
  t.equal(a.arrivals.length, seen)
  t.equal((await send(stage, { token, headers: { 'mcp-session-id': handle } })).status, 200)
})

t.test('what cannot be a session id is malformed', async (t) => {
  const { stage, a } = await stageWithSessions(t)
  const token = await stage.token()
  const handle = await openSession(stage, token)
  const seen = a.arrivals.length
  for (const guess of ['x'.repeat(10_000), 'two words', 'caf\u00e9', '']) {
    t.equal(
      (await send(stage, { token, headers: { 'mcp-session-id': guess } })).status,
      400,
      guess.slice(0, 20),
    )
  }
  const body = JSON.stringify(call('tools/list'))
  const request = (lines: string) =>
    `POST /mcp/notes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`
  const line = `Mcp-Session-Id: ${handle}\r\n`
  t.match(await sendRaw(stage, request(line + line)), /^HTTP\/1\.1 400 /)
  t.equal(a.arrivals.length, seen)
  t.match(await sendRaw(stage, request(line)), /^HTTP\/1\.1 200 /)
})

t.test('a session id never stands in for a token', async (t) => {
  const { stage, a } = await stageWithSessions(t)
  const handle = await openSession(stage, await stage.token())
  const seen = a.arrivals.length
  t.equal((await send(stage, { headers: { 'mcp-session-id': handle } })).status, 401)
  t.equal(
    (await send(stage, { headers: { 'mcp-session-id': 'invented' } })).status,
    401,
    'before any is looked up',
  )
  t.equal(a.arrivals.length, seen)
})

t.test('a request without one passes, and so does the status that the upstream has for it', async (t) => {
  const { stage, a } = await stageWithSessions(t)
  a.answer((_, res) =>
    json(res, 400, { jsonrpc: '2.0', id: 1, error: { code: -32000, message: 'No session' } }),
  )
  const answer = await send(stage, { token: await stage.token() })
  t.equal(answer.status, 400)
  t.equal(errorOf(answer).code, -32000)
})

t.test('modern requests have no session: none is opened, passed on or handed out', async (t) => {
  const { stage, a } = await stageWithSessions(t)
  const token = await stage.token()
  const handle = await openSession(stage, token)
  for (const id of [handle, 'somebody-elses', 'not well-formed']) {
    const { body, headers } = modern('tools/list')
    const answer = await send(stage, {
      token,
      body,
      headers: { ...headers, 'mcp-session-id': id, 'last-event-id': '7' },
    })
    t.equal(answer.status, 200)
    t.equal(answer.headers['mcp-session-id'], undefined)
    t.equal(a.arrivals.at(-1)?.headers['mcp-session-id'], undefined)
    t.equal(a.arrivals.at(-1)?.headers['last-event-id'], undefined)
  }
  for (const method of ['GET', 'DELETE']) {
    const answer = await send(stage, { token, method, headers: { 'mcp-protocol-version': MODERN } })
    t.equal(answer.status, 405, method)
    t.equal(answer.headers.allow, 'POST')
  }
})

t.test('an upstream that names a session in an impossible way is no help to anybody', async (t) => {
  const { stage, a } = await stageWithSessions(t)
  a.answer((_, res) => {
    res.writeHead(200, ['content-type', 'application/json', 'mcp-session-id', 'one', 'mcp-session-id', 'two'])
    res.end('{}')
  })
  t.equal((await send(stage, { token: await stage.token() })).status, 502)
  a.answer((_, res) => json(res, 200, {}, { 'mcp-session-id': 'two words' }))
  t.equal((await send(stage, { token: await stage.token() })).status, 502)
})
