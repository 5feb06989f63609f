// Owns the proof of what the gateway does with what it is told about revocations: at once, later, or not at all.

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import t from 'tap'
import type { Revocations } from '../../src/gateway/revocations.ts'
import type { Caller } from '../../src/oauth/caller.ts'
import { events, startHostileUpstream } from '../support/hostile-upstream.ts'
import { call, errorOf, modern, open, send, setStage, until } from './stage.ts'

const LISTEN = modern('subscriptions/listen', { notifications: {} }, 'sub-1')

/** Answers as it is told to. */
function toldBy(isRevoked: Revocations['isRevoked']) {
  const told = { ended: false, listeners: [] as (() => void)[] }
  const revocations: Revocations = {
    isRevoked,
    hasEnded: ({ subject }) => told.ended && subject === 'usr_alice',
    onChange: (listener) => void told.listeners.push(listener),
  }
  return { told, revocations }
}

async function textOf(res: IncomingMessage): Promise<string> {
  let text = ''
  for await (const bytes of res) text += String(bytes)
  return text
}

t.test('a caller waits while somebody is asked, and is then told as usual', async (t) => {
  const upstream = await startHostileUpstream(t)
  const asked: Caller[] = []
  const { revocations } = toldBy(async (caller) => {
    asked.push(caller)
    return caller.grantId === 'revoked'
  })
  const stage = await setStage(t, [{ url: upstream.url }], { revocations })
  const iat = Math.floor(Date.now() / 1000) - 60

  const refused = await send(stage, { token: await stage.token({ gid: 'revoked', iat }) })
  t.equal(refused.status, 401)
  t.match(refused.headers['www-authenticate'], /error="invalid_token"/)
  t.equal(upstream.arrivals.length, 0)
  t.equal((await send(stage, { token: await stage.token() })).status, 200)
  t.match(asked[0], { grantId: 'revoked', subject: 'usr_alice', clientId: 'client-1', issuedAt: iat })
})

t.test('nobody can tell: 503, and the token is not called a bad one', async (t) => {
  const upstream = await startHostileUpstream(t)
  let away = true
  const { revocations } = toldBy(async () => {
    if (away) throw new Error('nobody can tell')
    return false
  })
  const stage = await setStage(t, [{ url: upstream.url }], { revocations })
  const token = await stage.token()

  const refused = await send(stage, { token })
  t.equal(refused.status, 503)
  t.equal(refused.headers['retry-after'], '2')
  t.equal(refused.headers['www-authenticate'], undefined)
  t.equal(errorOf(refused).code, -32603)
  t.equal(upstream.arrivals.length, 0)
  t.match(stage.events, [{ outcome: 'refused', status: 503, reason: 'revocation_unknown' }])
  t.same(stage.errors, [], 'whoever could not tell has said so')
  t.equal((await send(stage, {})).status, 401, 'who has no token is not asked about')
  away = false
  t.equal((await send(stage, { token })).status, 200)
})

t.test('a client that leaves while somebody is asked is gone', async (t) => {
  const upstream = await startHostileUpstream(t)
  const answer = Promise.withResolvers<boolean>()
  let asked = 0
  const { revocations } = toldBy(({ subject }) =>
    ++asked && subject === 'usr_alice' ? answer.promise : false,
  )
  const stage = await setStage(t, [{ url: upstream.url }], { revocations })
  const leaving = new AbortController()
  const waiting = open(stage, { token: await stage.token(), signal: leaving.signal }).catch(() => 'left')
  await until(() => asked === 1)
  leaving.abort()
  t.equal(await waiting, 'left')
  t.equal((await send(stage, { token: await stage.token({ sub: 'usr_bob' }) })).status, 200, 'so much later')
  answer.resolve(false)
  await until(() => stage.events.length === 2)
  t.equal(stage.events[1]?.outcome, 'aborted')
  t.equal(upstream.arrivals.length, 1)
})

t.test('what is open is ended at the moment that is told of, and not at the next pulse', async (t) => {
  const upstream = await startHostileUpstream(t)
  const { told, revocations } = toldBy(() => false)
  const limits = { pulseMs: 60_000 }
  const stage = await setStage(t, [{ url: upstream.url }], { revocations, limits })
  upstream.answer((_, res) => {
    events(res)
    res.write('data: {}\n\n')
  })
  const token = await stage.token()
  const stream = textOf(await open(stage, { token, method: 'GET' }))
  const subscription = textOf(await open(stage, { token, ...LISTEN }))
  const calling = textOf(await open(stage, { token, body: call('tools/call', { name: 'slow' }) }))
  const others = await open(stage, { token: await stage.token({ sub: 'usr_bob' }), method: 'GET' })
  t.equal(stage.gateway.openStreams(), 4)

  told.ended = true
  for (const listener of told.listeners) listener()

  t.equal(await stream, 'data: {}\n\n')
  const result = { resultType: 'complete', _meta: { 'io.modelcontextprotocol/subscriptionId': 'sub-1' } }
  const farewell = JSON.stringify({ jsonrpc: '2.0', id: 'sub-1', result })
  t.equal(await subscription, `data: {}\n\nevent: message\ndata: ${farewell}\n\n`, 'it is over for good')
  t.equal(await calling, 'data: {}\n\n', 'a call does not get a result that is none')
  t.equal(stage.gateway.openStreams(), 1)
  const closed = once(others, 'close')
  others.destroy()
  await closed
})
