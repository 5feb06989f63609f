// Owns the proof that each call leaves one record, of who called what and how it ended, and of nothing that was said.

import t from 'tap'
import { startHostileUpstream } from '../support/hostile-upstream.ts'
import { call, modern, notification, type Sent, send, setStage, until } from './stage.ts'

t.test('each call leaves one record', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }], { toolsOf: async () => new Map() })
  const token = await stage.token()
  const reader = await stage.token({ scope: 'notes:read', sub: 'usr_bob', client_id: 'client-2' })
  const elsewhere = await stage.token({ aud: 'https://gate.example/mcp/other' })
  const hers = { subject: 'usr_alice', clientId: 'client-1', upstream: 'notes', httpMethod: 'POST' }
  const nobody = { ...hers, subject: null, clientId: null, method: null, tool: null }
  const writing = modern('tools/call', { name: 'write', arguments: { text: 'canary-in-arguments' } })
  const steps: [Sent, object][] = [
    [
      { token, ...writing },
      { ...hers, method: 'tools/call', tool: 'write', outcome: 'answered', status: 200 },
    ],
    [
      { token, body: notification('notifications/initialized') },
      { ...hers, method: 'notifications/initialized', tool: null, outcome: 'answered', status: 202 },
    ],
    [
      { token, method: 'DELETE' },
      { ...hers, httpMethod: 'DELETE', method: null, outcome: 'answered', status: 202 },
    ],
    [
      {
        token,
        body: [
          call('tools/call', { name: 'a' }, 1),
          call('ping', {}, 2),
          call('tools/call', { name: 'b' }, 3),
        ],
      },
      { ...hers, method: 'tools/call,ping,tools/call', tool: 'a,b', outcome: 'answered', status: 200 },
    ],
    [
      { token: reader, ...writing },
      {
        subject: 'usr_bob',
        clientId: 'client-2',
        method: 'tools/call',
        tool: 'write',
        outcome: 'refused',
        reason: 'scope',
        status: 403,
      },
    ],
    [{}, { ...nobody, outcome: 'refused', reason: 'token', status: 401, detail: null }],
    [
      { token: elsewhere },
      { ...nobody, reason: 'token', status: 401, detail: 'The access token is for another resource' },
    ],
    [
      { headers: { origin: 'https://evil.example' } },
      { upstream: null, outcome: 'refused', reason: 'origin', status: 403 },
    ],
    [{ path: '/mcp/nowhere' }, { upstream: null, outcome: 'refused', reason: 'path', status: 404 }],
    [
      { token, body: '{' },
      { ...hers, method: null, outcome: 'refused', reason: 'malformed', status: 400 },
    ],
    [
      { token, method: 'PUT' },
      { ...hers, httpMethod: 'PUT', outcome: 'refused', reason: 'method', status: 405 },
    ],
    [
      { token, headers: { 'mcp-session-id': 'invented' } },
      { ...hers, method: 'tools/list', outcome: 'refused', reason: 'session', status: 404 },
    ],
  ]
  for (const [index, [sent, expected]] of steps.entries()) {
    await send(stage, sent)
    await until(() => stage.events.length === index + 1)
    t.match(stage.events[index], expected)
    t.type(stage.events[index]?.milliseconds, 'number')
  }
  t.notMatch(JSON.stringify(stage.events), 'canary')
  t.notMatch(JSON.stringify(stage.events), token)
})

t.test('the record says what went wrong, in a word and without an address', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const token = await stage.token()
  upstream.answer((_, res) => void res.socket?.destroy())
  await send(stage, { token })
  await upstream.close()
  await send(stage, { token })
  t.match(stage.events, [
    { outcome: 'refused', reason: 'upstream_unreachable', status: 502, detail: 'UND_ERR_SOCKET' },
    { outcome: 'refused', reason: 'upstream_unreachable', status: 502, detail: 'ECONNREFUSED' },
  ])
  const said = stage.events.map(({ ip: _ip, ...event }) => event)
  t.notMatch(JSON.stringify(said), '127.0.0.1')
})

t.test('a name of any length and content stays one field of bounded length', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const name = `\u001b[31m\r\n\u2028${'x'.repeat(100_000)}`
  await send(stage, { token: await stage.token(), body: call('tools/call', { name }) })
  await until(() => stage.events.length === 1)
  t.ok((stage.events[0]?.tool?.length ?? 0) <= 4096)
  t.notMatch(JSON.stringify(stage.events), /[\p{Cc}\u2028]/u, 'JSON leaves some of these as they are')
})

t.test('a bug here is reported, and the client learns only that there was one', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }], {
    credentialFor: () => Promise.reject(new Error('canary-in-error')),
  })
  const answer = await send(stage, { token: await stage.token(), body: call('tools/list', {}, 'x') })
  t.equal(answer.status, 500)
  t.equal(answer.json.id, 'x')
  t.notMatch(answer.text, 'canary')
  t.match(stage.errors, [{ message: 'canary-in-error' }])
  t.match(stage.events, [{ outcome: 'refused', reason: 'internal', status: 500 }])
})
