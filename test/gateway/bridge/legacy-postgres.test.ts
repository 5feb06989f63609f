// Owns the proof that whole replicas, which share nothing but PostgreSQL, serve one legacy session between them.

import t from 'tap'
import { startReplicas } from '../../support/two-replicas.ts'
import { call, notification, type Teardown, until } from '../stage.ts'
import { startHoldingServer } from './holding-server.ts'
import { talk } from './legacy-stage.ts'

const ASKING = { elicitation: {} }

function tool(name: string, id: unknown = 1) {
  return call('tools/call', { name, arguments: {} }, id)
}

async function setUp(t: Teardown) {
  const server = await startHoldingServer(t)
  const replicas = await startReplicas(t, { upstream: server.url })
  const { first, second, origin, token, db } = replicas
  const host = new URL(origin).host
  const begin = () => talk({ origin: first.origin, token }, { path: '/mcp', host, capabilities: ASKING })
  return { server, first, second, db, begin }
}

t.test('one session, two replicas', async (t) => {
  const { server, first, second, db, begin } = await setUp(t)
  const session = await begin()
  t.equal(session.initialized.status, 200)

  await t.test('a question is answered at the other one', async (t) => {
    const events = await session.stream(tool('ask'), { at: first })
    const { message } = await events.nextOf('elicitation/create')
    const response = {
      jsonrpc: '2.0',
      id: message?.id,
      result: { action: 'accept', content: { name: 'Ada' } },
    }
    t.equal((await session.post(response, { at: second })).status, 202)
    t.match((await events.rest()).at(-1)?.message, { id: 1, result: { content: [{ text: /Ada/ }] } })
  })

  await t.test('a call is cancelled at the other one', async (t) => {
    const events = await session.stream(tool('hold', 'c'), { at: second })
    await until(() => server.held() === 1)
    await session.post(notification('notifications/cancelled', { requestId: 'c' }), { at: first })
    await until(() => server.left() === 1)
    t.notOk((await events.rest()).some(({ message }) => message?.id === 'c'))
  })

  await t.test('the client reads on at the other one', async (t) => {
    const events = await session.stream(tool('hold', 'r'), { at: first })
    const primed = await events.next()
    events.leave()
    await until(() => first.log().includes('"outcome":"aborted"'))
    const rest = await session.get({ at: second, headers: { 'last-event-id': String(primed?.id) } })
    await rest.nextOf('notifications/message')
    server.release()
    t.match(await rest.rest(), [{ message: { id: 'r', result: { content: [{ text: 'released' }] } } }])
  })

  await t.test(
    'what is subscribed to at one is told at the other, and a log level holds at both',
    async (t) => {
      const stream = await session.get({ at: first })
      t.same(
        (await session.post(call('resources/subscribe', { uri: 'test://a' }), { at: second })).json.result,
        {},
      )
      t.same(
        (await session.post(call('logging/setLevel', { level: 'error' }), { at: second })).json.result,
        {},
      )
      const heard = stream.nextOf('notifications/resources/updated')
      const announce = setInterval(() => server.notify.resourceUpdated('test://a'), 50)
      t.match((await heard).message, { params: { uri: 'test://a' } })
      clearInterval(announce)
      const rows = await db.selectFrom('bridge_sessions').selectAll().execute()
      t.match(rows, [{ log_level: 'error', subscriptions: ['test://a'], ended: false }])
      t.notMatch(JSON.stringify(rows), session.id)
      stream.leave()
    },
  )

  await t.test('its end is one at both, and another session goes on', async (t) => {
    const other = await begin()
    const stream = await session.get({ at: first })
    t.equal((await session.delete({ at: second })).status, 200)
    await stream.rest()
    for (const at of [first, second]) {
      t.equal((await session.post(call('ping'), { at })).status, 404)
      t.equal((await other.post(call('ping'), { at })).status, 200)
    }
  })

  await t.test('beyond so many the one that was not used for the longest time begins anew', async (t) => {
    const { old, used } = { old: await begin(), used: await begin() }
    const level = call('logging/setLevel', { level: 'error' })
    t.equal((await old.post(level, { at: first })).status, 200)
    const rows = db.selectFrom('bridge_sessions').selectAll()
    const [row] = await rows.where('ended', '=', false).execute()
    if (!row) throw new Error('nothing is stored')
    const fill = Array.from({ length: 127 }, (_, at) => ({
      ...row,
      id_hash: `filler ${at}`,
      used_at: new Date(Date.now() + 60_000),
    }))
    await db.insertInto('bridge_sessions').values(fill).execute()
    t.equal((await used.post(level, { at: first })).status, 200)
    t.equal((await old.post(call('ping'), { at: second })).status, 404)
    t.equal((await used.post(call('ping'), { at: second })).status, 200)
    const anew = await begin()
    t.equal((await anew.post(level, { at: second })).status, 200)
    t.equal((await anew.post(call('ping'), { at: first })).status, 200)
    t.equal((await rows.where('owner_hash', 'is not', null).where('ended', '=', false).execute()).length, 128)
  })
})
