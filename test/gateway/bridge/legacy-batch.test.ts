// Owns the promises about batches, which 2025-03-26 has and no other revision.

import t from 'tap'
import { call, notification, send } from '../stage.ts'
import { setBridgedStage, setHoldingStage, talk } from './legacy-stage.ts'

const EARLY = { version: '2025-03-26' }

function parsed(text: string): unknown {
  return JSON.parse(text)
}

t.test('each request of a batch is answered, in one array', async (t) => {
  const stage = await setBridgedStage(t)
  const { post } = await talk(stage, EARLY)
  const answer = await post([
    call('tools/list', {}, 'a'),
    notification('notifications/initialized'),
    call('ping', {}, 'b'),
    call('resources/read', { uri: 'test://nowhere' }, 'c'),
  ])
  t.match(answer.headers, { 'content-type': 'application/json' })
  const all = Object.values(Object(parsed(answer.text)))
  t.same(all.map((one) => Object(one).id).toSorted(), ['a', 'b', 'c'])
  t.match(
    all.find((one) => Object(one).id === 'c'),
    { error: { code: -32002 } },
  )
  t.match(parsed((await post([call('ping', {}, 'alone')])).text), [{ id: 'alone', result: {} }])
})

t.test('a batch in which something happens is answered by events, one stream for all', async (t) => {
  const stage = await setBridgedStage(t)
  const { stream } = await talk(stage, EARLY)
  const progress = { name: 'test_tool_with_progress', arguments: {}, _meta: { progressToken: 'p' } }
  const events = await stream([
    call('tools/call', progress, 1),
    call('ping', {}, 2),
    call('tools/list', {}, 3),
  ])
  const messages = (await events.rest()).map(({ message }) => message)
  t.same(
    messages.flatMap((message) => (message !== null && 'id' in message ? [message.id] : [])).toSorted(),
    [1, 2, 3],
  )
  t.equal(messages.filter((message) => message?.method === 'notifications/progress').length, 3)
})

t.test('what needs no answer gets none, and what cannot be in a batch is refused', async (t) => {
  const stage = await setBridgedStage(t)
  const { post, token } = await talk(stage, EARLY)
  const quiet = await post([
    notification('notifications/initialized'),
    notification('notifications/roots/list_changed'),
  ])
  t.equal(quiet.status, 202)
  const hello = { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 'x', version: '1' } }
  const both = await send(stage, { token, body: [call('initialize', hello, 1), call('tools/list', {}, 2)] })
  t.equal(both.status, 400)
  t.match(both.text, /stands alone/)
  const twice = await post([call('ping', {}, 1), call('ping', {}, 1)])
  t.equal(twice.status, 400)
  t.equal((await post([call('ping', {}, 1), call('ping', {}, 2)])).status, 200)
})

t.test('a later revision has no batches, whether its header says so or not', async (t) => {
  const stage = await setBridgedStage(t)
  const { post } = await talk(stage)
  const batch = [call('ping', {}, 1), call('ping', {}, 2)]
  for (const version of ['2025-11-25', null]) {
    const refused = await post(batch, { headers: { 'mcp-protocol-version': version } })
    t.equal(refused.status, 400)
    t.match(refused.text, /no batches/)
  }
  t.equal((await post(call('ping'))).status, 200)
})

t.test('of a batch one request is cancelled, and the others are answered', async (t) => {
  const stage = await setHoldingStage(t)
  const { stream, post } = await talk(stage, EARLY)
  const events = await stream([
    call('tools/call', { name: 'hold', arguments: {} }, 'held'),
    call('tools/call', { name: 'hold', arguments: {} }, 'left'),
  ])
  await events.nextOf('notifications/message')
  await post(notification('notifications/cancelled', { requestId: 'left' }))
  stage.server.release()
  const rest = await events.rest()
  const answered = rest.flatMap(({ message }) => (message !== null && 'id' in message ? [message.id] : []))
  t.same(answered, ['held'])
})
