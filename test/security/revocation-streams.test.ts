// Owns the proof that what a revoked grant has open is closed at every replica, and nobody else's is.

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import t from 'tap'
import * as revocations from '../../src/storage/revocations.ts'
import { call, modern, open, type Sent } from '../gateway/stage.ts'
import { events, startHostileUpstream } from '../support/hostile-upstream.ts'
import { startReplicas } from '../support/two-replicas.ts'

const LISTEN = modern('subscriptions/listen', { notifications: {} }, 'sub-1')

async function textOf(res: IncomingMessage): Promise<string> {
  let text = ''
  for await (const bytes of res) text += String(bytes)
  return text
}

t.test('open streams of a revoked grant are closed at the other replica within a second', async (t) => {
  const upstream = await startHostileUpstream(t)
  const { second, origin, db, token } = await startReplicas(t, { upstream: upstream.url })
  upstream.answer((_, res) => {
    events(res)
    res.write('data: {}\n\n')
  })
  const mine = await token({ gid: 'grant-mine' })
  const start = (sent: Sent) =>
    open(second, { path: '/mcp', ...sent, headers: { ...sent.headers, host: new URL(origin).host } })
  const stream = textOf(await start({ token: mine, method: 'GET' }))
  const subscription = textOf(await start({ token: mine, ...LISTEN }))
  const calling = textOf(await start({ token: mine, body: call('tools/call', { name: 'slow' }) }))
  const others = await start({ token: await token({ gid: 'grant-others' }), method: 'GET' })
  let othersEnded = false
  others.on('close', () => {
    othersEnded = true
  })

  await revocations.revoke(db, 'grant', 'grant-mine')
  const committed = performance.now()

  t.equal(await stream, 'data: {}\n\n')
  const result = { resultType: 'complete', _meta: { 'io.modelcontextprotocol/subscriptionId': 'sub-1' } }
  const farewell = JSON.stringify({ jsonrpc: '2.0', id: 'sub-1', result })
  t.equal(await subscription, `data: {}\n\nevent: message\ndata: ${farewell}\n\n`, 'closed on purpose')
  t.equal(await calling, 'data: {}\n\n')
  const taken = performance.now() - committed
  t.comment(`three streams were closed after ${taken.toFixed(0)} ms`)
  t.ok(taken < 5000, 'at once, on a busy machine as well')
  await Promise.all(upstream.arrivals.slice(0, 3).map(({ closed }) => closed))
  t.notOk(othersEnded, 'another grant keeps its stream')

  others.resume()
  await Promise.all([once(others, 'close'), revocations.revokeAll(db)])
  t.pass('until everything is revoked')
})
