// Owns the promise that any replica serves a bridged legacy session, whatever of it is at another one.

import t from 'tap'
import { call, errorOf, notification, send, until } from '../stage.ts'
import { setReplicas, talk } from './legacy-stage.ts'

const ASKING = { capabilities: { elicitation: {} } }

function tool(name: string, id: unknown = 1, args: object = {}) {
  return call('tools/call', { name, arguments: args }, id)
}

t.test('requests alternate between the replicas, and what one was told the other knows', async (t) => {
  const { one, other } = await setReplicas(t)
  const { post } = await talk(one)
  t.equal((await post(call('tools/list'), { at: other })).status, 200)
  t.same((await post(call('logging/setLevel', { level: 'error' }), { at: other })).json.result, {})
  const quiet = await post(tool('come_back'), { at: one })
  t.match(quiet.headers, { 'content-type': 'application/json' })
  t.equal((await post(call('tools/list'), { at: one })).status, 200)
})

t.test('a question is answered at the replica that did not ask it', async (t) => {
  const { one, other } = await setReplicas(t)
  const session = await talk(one, ASKING)
  const events = await session.stream(tool('ask'), { at: one })
  const { message } = await events.nextOf('elicitation/create')
  const response = { jsonrpc: '2.0', id: message?.id, result: { action: 'accept', content: { name: 'Ada' } } }
  const foreign = await talk(one, ASKING)
  t.equal((await foreign.post(response, { at: other })).status, 400, 'not by another session')
  t.equal((await session.post(response, { at: other })).status, 202)
  t.match((await events.rest()).at(-1)?.message, { id: 1, result: { content: [{ text: /Ada/ }] } })
  t.equal((await session.post(response, { at: other })).status, 400, 'once')
})

t.test('a call is cancelled at the replica that does not have it', async (t) => {
  const { one, other, server, peer } = await setReplicas(t)
  const session = await talk(one)
  const foreign = await talk(one)
  const answer = session.stream(tool('hold', 'mine'), { at: one })
  await until(() => server.held() === 1)
  await foreign.post(notification('notifications/cancelled', { requestId: 'mine' }), { at: other })
  await session.post(notification('notifications/cancelled', { requestId: 'other' }), { at: other })
  t.equal(peer.open(), 1, 'not by another session, and not under another id')
  const cancelled = await session.post(notification('notifications/cancelled', { requestId: 'mine' }), {
    at: other,
  })
  t.equal(cancelled.status, 202)
  await until(() => server.left() === 1)
  t.equal(peer.open(), 0)
  const events = await (await answer).rest()
  t.notOk(
    events.some(({ message }) => message?.id === 'mine'),
    'without a response',
  )
})

t.test('a session that is deleted at one is gone at both', async (t) => {
  const { one, other, peer, server } = await setReplicas(t)
  const session = await talk(one)
  const stream = await session.get({ at: one })
  session.stream(tool('hold'), { at: one }).catch(() => undefined)
  await until(() => server.held() === 1 && peer.open() === 2)
  t.equal((await session.post(call('ping'), { at: other })).status, 200)
  t.equal((await session.delete({ at: other })).status, 200)
  t.same(await stream.rest(), [])
  await until(() => peer.open() === 0)
  for (const at of [one, other]) t.equal((await session.post(call('ping'), { at })).status, 404)
})

t.test('what is subscribed to at one is told on the stream at the other', async (t) => {
  const { one, other, server, peer } = await setReplicas(t)
  const session = await talk(one)
  const stream = await session.get({ at: one })
  await until(() => peer.acknowledged() === 1)
  const subscribe = (method: string) => session.post(call(method, { uri: 'test://watched' }), { at: other })
  t.same((await subscribe('resources/subscribe')).json.result, {})
  await until(() => peer.acknowledged() === 2 && peer.open() === 1)
  server.notify.resourceUpdated('test://watched')
  t.same((await stream.next())?.message, {
    jsonrpc: '2.0',
    method: 'notifications/resources/updated',
    params: { uri: 'test://watched' },
  })
  t.same((await subscribe('resources/unsubscribe')).json.result, {})
  await until(() => peer.acknowledged() === 3 && peer.open() === 1)
  server.notify.resourceUpdated('test://watched')
  server.notify.toolsChanged()
  t.match(
    (await stream.next())?.message,
    { method: 'notifications/tools/list_changed' },
    'and no more of the other',
  )
})

t.test('a session has one stream, which is the newest', async (t) => {
  const { one, other, server, peer } = await setReplicas(t)
  const session = await talk(one)
  const twin = await talk(one)
  const kept = await twin.get({ at: one })
  const first = await session.get({ at: one })
  await until(() => peer.acknowledged() === 2)
  const second = await session.get({ at: other })
  t.same(await first.rest(), [], 'the former one ends')
  await until(() => peer.acknowledged() === 3 && peer.open() === 2)
  server.notify.toolsChanged()
  for (const stream of [second, kept])
    t.match((await stream.next())?.message, { method: 'notifications/tools/list_changed' })
})

t.test('a client reads on at another replica: first what it has missed, then what comes', async (t) => {
  const { one, other, server, mailbox } = await setReplicas(t)
  const session = await talk(one)
  for (const at of [one, other]) await session.post(call('ping'), { at })
  const before = mailbox.addresses()
  const events = await session.stream(tool('hold', 7), { at: one })
  const primed = await events.next()
  events.leave()
  await until(() => one.events.some(({ outcome }) => outcome === 'aborted'))
  const rest = await session.get({ at: other, headers: { 'last-event-id': String(primed?.id) } })
  t.match((await rest.next())?.message, { method: 'notifications/message', params: { data: 'held' } })
  server.release()
  t.match(await rest.rest(), [{ message: { id: 7, result: { content: [{ text: 'released' }] } } }])
  await until(() => mailbox.addresses() === before)
})

t.test(
  'an answer that came while the client was away is kept for it, at whichever replica it asks',
  async (t) => {
    const { one, other, server, peer } = await setReplicas(t)
    const session = await talk(one)
    const stranger = await talk(one)
    const events = await session.stream(tool('hold', 7, { size: 1_000_000 }), { at: one })
    const primed = String((await events.next())?.id)
    events.leave()
    await until(() => one.events.some(({ outcome }) => outcome === 'aborted'))
    server.release()
    await until(() => server.held() === 0)
    const headers = { 'last-event-id': primed }
    const foreign = await stranger.get({ at: one, headers })
    await until(() => peer.acknowledged() === 1)
    server.notify.toolsChanged()
    const heard = await foreign.next()
    t.match(
      heard?.message,
      { method: 'notifications/tools/list_changed' },
      'for another session there is none',
    )
    foreign.leave()
    for (const at of [other, one]) {
      const all = await (await session.get({ at, headers })).rest()
      t.match(all.at(-1)?.message, { id: 7, result: { content: [{ text: /^released\.{1000000}$/ }] } })
      const after = await session.get({ at, headers: { 'last-event-id': String(all.at(-1)?.id) } })
      t.equal(after.status, 405, 'who has everything gets nothing')
    }
  },
)

t.test('a replica that is gone: the client is told that its call was lost', async (t) => {
  const { one, other, server } = await setReplicas(t)
  const session = await talk(other, { token: await one.token() })
  const events = await session.stream(tool('hold', 'x'), { at: one })
  const primed = await events.next()
  await until(() => server.held() === 1)
  await one.gateway.close(0)
  t.same(
    (await events.rest().catch(() => [])).filter(({ message }) => message?.id === 'x'),
    [],
  )
  await until(() => server.left() === 1)
  const lost = await session.get({ at: other, headers: { 'last-event-id': String(primed?.id) } })
  const told = await lost.rest()
  t.match(told, [{ message: { id: 'x', error: { message: /was lost/ } } }])
  const again = await session.get({ at: other, headers: { 'last-event-id': String(told[0]?.id) } })
  t.equal(again.status, 405, 'and not again and again')
  t.match((await session.post(tool('come_back'), { at: other })).json, { result: {} }, 'it can call again')
})

t.test('a response that no replica waits for is refused in time', async (t) => {
  const { one, other } = await setReplicas(t)
  const session = await talk(one, ASKING)
  const invented = { jsonrpc: '2.0', id: `ask-${'A'.repeat(28)}-1`, result: {} }
  t.match(errorOf(await session.post(invented, { at: other })), { message: /no question/ })
  t.equal((await send(one, { token: session.token, body: call('ping') })).status, 400)
})
