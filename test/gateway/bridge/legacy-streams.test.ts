// Owns the promises about the streams of legacy clients: when they begin, what they carry, and when they end.

import t from 'tap'
import { freePort } from '../../support/local-server.ts'
import { call, notification, open, setStage, until } from '../stage.ts'
import { countedLinks } from './counted-peer.ts'
import { startHoldingServer } from './holding-server.ts'
import { setBridgedStage, setHoldingStage, talk } from './legacy-stage.ts'

const HOLD = call('tools/call', { name: 'hold', arguments: {} }, 'h')
const QUICK = { limits: { pulseMs: 20, keepAliveMs: 40 } }

t.test('an answer that takes its time is a stream that is kept alive', async (t) => {
  const stage = await setHoldingStage(t, QUICK)
  const { post, id, token } = await talk(stage)
  await post(call('logging/setLevel', { level: 'error' }))
  const began = Date.now()
  const res = await open(stage, { token, body: HOLD, headers: { 'mcp-session-id': id } })
  t.ok(Date.now() - began >= 1500, 'not before there is some reason for it')
  t.match(res.headers, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' })
  let text = ''
  for await (const chunk of res) {
    text += String(chunk)
    if (text.includes(': keep-alive')) stage.server.release()
  }
  t.match(text, /^id: \S+\ndata: \n\n/, 'it can be resumed from its first event on')
  t.match(text, /"id":"h"/)
  const early = await talk(stage, { version: '2025-06-18' })
  const plain = await early.stream(call('tools/call', { name: 'hold', arguments: {} }, 'p'))
  const first = await plain.nextOf('notifications/message')
  t.ok(first.id, 'revisions before know no event without data')
  stage.server.release()
  t.match(await plain.rest(), [{ message: { id: 'p' } }])
  t.match((await post(call('tools/list'))).headers, { 'content-type': 'application/json' })
})

t.test('who leaves has not cancelled', async (t) => {
  const stage = await setHoldingStage(t)
  const { id, token, stream, post } = await talk(stage)
  const leaving = new AbortController()
  const headers = { 'mcp-session-id': id }
  await post(call('logging/setLevel', { level: 'error' }))
  open(stage, { token, body: HOLD, headers, signal: leaving.signal }).catch(() => undefined)
  await until(() => stage.server.held() === 1)
  leaving.abort()
  await until(() => stage.events.some(({ outcome }) => outcome === 'aborted'))
  t.equal(stage.server.left(), 0)
  t.equal(stage.peer.open(), 1)
  stage.server.release()
  await until(() => stage.peer.open() === 0)
  await post(call('logging/setLevel', { level: 'info' }))
  const cancelling = await stream(call('tools/call', { name: 'hold', arguments: {} }, 'c'))
  await until(() => stage.server.held() === 1)
  await post(notification('notifications/cancelled', { requestId: 'c' }))
  await until(() => stage.server.left() === 1, 1000)
  t.notOk((await cancelling.rest()).some(({ message }) => message?.id === 'c'))
})

t.test('access that is revoked ends what is under way, also of who is away', async (t) => {
  const stage = await setHoldingStage(t, QUICK)
  const session = await talk(stage)
  const away = await talk(stage, { token: await stage.token({ gid: 'grant-2' }) })
  const kept = await talk(stage, { token: await stage.token({ gid: 'grant-3' }) })
  const calling = await session.stream(HOLD)
  const leaving = await away.stream(HOLD)
  const staying = await kept.stream(HOLD)
  await until(() => stage.server.held() === 3)
  leaving.leave()
  await until(() => stage.events.some(({ outcome }) => outcome === 'aborted'))
  stage.revoked.add('grant-1').add('grant-2')
  t.notOk((await calling.rest()).some(({ message }) => message?.id === 'h'))
  await until(() => stage.server.left() === 2)
  stage.server.release()
  t.match((await staying.rest()).at(-1)?.message, { id: 'h', result: {} })
})

t.test('the stream of a session tells what changes, without a word of subscriptions', async (t) => {
  const stage = await setBridgedStage(t)
  const session = await talk(stage)
  const stream = await session.get()
  await until(() => stage.peer.acknowledged() === 1)
  await session.post(call('tools/call', { name: 'test_trigger_tool_change', arguments: {} }))
  await session.post(call('tools/call', { name: 'test_trigger_prompt_change', arguments: {} }))
  t.same((await stream.next())?.message, {
    jsonrpc: '2.0',
    method: 'notifications/tools/list_changed',
    params: {},
  })
  t.match((await stream.next())?.message, { method: 'notifications/prompts/list_changed' })
  stream.leave()
  await until(() => stage.peer.open() === 0)
  t.equal(stage.gateway.openStreams(), 0)
})

t.test('it lasts as long as its token, and a service that stops ends it', async (t) => {
  const stage = await setHoldingStage(t, QUICK)
  const seconds = Math.floor(Date.now() / 1000)
  const short = await talk(stage, { token: await stage.token({ exp: seconds + 60 }) })
  const long = await talk(stage, { token: await stage.token({ exp: seconds + 600 }) })
  const first = await short.get()
  const second = await long.get()
  await until(() => stage.peer.acknowledged() === 2)
  stage.clock.ahead = 120_000
  t.same(await first.rest(), [])
  await until(() => stage.peer.open() === 1)
  stage.server.notify.toolsChanged()
  t.match((await second.next())?.message, { method: 'notifications/tools/list_changed' })
  const closing = stage.gateway.close(1000)
  t.same(await second.rest(), [])
  await closing
  t.equal(stage.peer.open(), 0)
})

t.test('who may not read hears of tools alone', async (t) => {
  const toolScopes = [{ scope: 'notes:some', title: 'Some', tools: ['hold'] }]
  const stage = await setHoldingStage(t, {}, { settings: { toolScopes } })
  const narrow = await talk(stage, { token: await stage.token({ scope: 'notes:some' }) })
  const reader = await talk(stage, { token: await stage.token({ scope: 'notes:read', sub: 'usr_bob' }) })
  t.equal((await narrow.post(call('resources/subscribe', { uri: 'test://watched' }))).status, 403)
  t.equal((await reader.post(call('resources/subscribe', { uri: 'test://watched' }))).status, 200)
  const [less, more] = [await narrow.get(), await reader.get()]
  await until(() => stage.peer.acknowledged() === 2)
  const { notify } = stage.server
  notify.resourcesChanged()
  notify.resourceUpdated('test://watched')
  notify.toolsChanged()
  t.match((await less.next())?.message, { method: 'notifications/tools/list_changed' })
  for (const method of ['resources/list_changed', 'resources/updated', 'tools/list_changed'])
    t.equal((await more.next())?.message?.method, `notifications/${method}`)
})

t.test('what was subscribed to under a broader token is not told to a narrower one', async (t) => {
  const toolScopes = [{ scope: 'notes:some', title: 'Some', tools: ['hold'] }]
  const stage = await setHoldingStage(t, {}, { settings: { toolScopes } })
  const session = await talk(stage)
  await session.post(call('resources/subscribe', { uri: 'test://watched' }))
  const authorization = `Bearer ${await stage.token({ scope: 'notes:some' })}`
  const stream = await session.get({ headers: { authorization } })
  await until(() => stage.peer.acknowledged() === 1)
  stage.server.notify.resourceUpdated('test://watched')
  stage.server.notify.toolsChanged()
  t.match((await stream.next())?.message, { method: 'notifications/tools/list_changed' })
  const broad = await session.get()
  await until(() => stage.peer.acknowledged() === 2)
  stage.server.notify.resourceUpdated('test://watched')
  t.match((await broad.next())?.message, { method: 'notifications/resources/updated' })
})

t.test('a server that tells nothing by itself has no stream to offer', async (t) => {
  const silent = await setHoldingStage(t, {}, { capabilities: { tools: { listChanged: false } } })
  const refused = await (await talk(silent)).get()
  t.equal(refused.status, 405)
  const telling = await setHoldingStage(t, {}, { capabilities: { tools: { listChanged: true } } })
  t.equal((await (await talk(telling)).get()).status, 200)
})

t.test('what we never gave out as an event id begins a fresh stream', async (t) => {
  const stage = await setHoldingStage(t)
  const { get } = await talk(stage)
  const stream = await get({ headers: { 'last-event-id': 'of another server' } })
  await until(() => stage.peer.acknowledged() === 1)
  stage.server.notify.toolsChanged()
  t.match((await stream.next())?.message, { method: 'notifications/tools/list_changed' })
})

t.test(
  'an upstream that was away is listened to again, and the client told that much may have changed',
  async (t) => {
    const port = await freePort()
    const first = await startHoldingServer(t, { port })
    const { links, counts } = countedLinks(t)
    const stage = await setStage(t, [{ url: first.url }], { links })
    const stream = await (await talk(stage)).get()
    await until(() => counts.acknowledged() === 1)
    await first.close()
    const second = await startHoldingServer(t, { port })
    await until(() => counts.acknowledged() === 2)
    t.match((await stream.next())?.message, { method: 'notifications/tools/list_changed' })
    t.match((await stream.next())?.message, { method: 'notifications/resources/list_changed' })
    second.notify.toolsChanged()
    t.match((await stream.next())?.message, { method: 'notifications/tools/list_changed' })
    t.same(stage.errors, [])
  },
)
