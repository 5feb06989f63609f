// Owns the promises about a bridged legacy session: what initialize says, whose it is, and how it ends.

import t from 'tap'
import { call, errorOf, notification, send } from '../stage.ts'
import { setBridgedStage, talk } from './legacy-stage.ts'

t.test(
  'initialize is answered in the version of the client, and in our newest when that is not spoken',
  async (t) => {
    const stage = await setBridgedStage(t)
    for (const version of ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05']) {
      const { initialized, post } = await talk(stage, { version })
      t.match(initialized.json, { id: 0, result: { protocolVersion: version } })
      t.match((await post(call('tools/list'))).json, { result: { tools: [{}] } })
    }
    const { initialized } = await talk(stage, { version: '2024-10-07' })
    t.match(initialized.json, { result: { protocolVersion: '2025-11-25' } })
  },
)

t.test('it says what the peer can do, in the words of the era, and nothing of tasks', async (t) => {
  const stage = await setBridgedStage(t)
  const { initialized, id } = await talk(stage)
  t.same(initialized.json.result, {
    protocolVersion: '2025-11-25',
    capabilities: {
      logging: {},
      completions: {},
      prompts: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      tools: { listChanged: true },
    },
    serverInfo: { name: 'everything', version: '1.0.0' },
  })
  t.match(id, /^[\x21-\x7e]{100,4096}$/)
})

t.test('a client that says more of itself than a header carries is told so', async (t) => {
  const stage = await setBridgedStage(t)
  const large = await talk(stage, { capabilities: { experimental: { much: { text: 'x'.repeat(4000) } } } })
  t.equal(large.initialized.status, 400)
  t.match(errorOf(large.initialized).message, /too large/)
  const twin = await talk(stage, { capabilities: { experimental: { much: { text: 'x'.repeat(1000) } } } })
  t.equal(twin.initialized.status, 200)
  t.match((await twin.post(call('ping'))).json, { result: {} })
})

t.test(
  'a session belongs to one person, client and resource, and for anybody else there is none',
  async (t) => {
    const stage = await setBridgedStage(t)
    const { id, post } = await talk(stage)
    const foreign = [await stage.token({ sub: 'usr_mallory' }), await stage.token({ client_id: 'client-2' })]
    const ask = (token: string) =>
      send(stage, { token, body: call('tools/list'), headers: { 'mcp-session-id': id } })
    for (const token of foreign) {
      const refused = await ask(token)
      t.equal(refused.status, 404)
      t.match(errorOf(refused).message, /not known/)
    }
    t.equal((await post(call('tools/list'))).status, 200, 'the twin')
    t.equal((await ask(await stage.token({ gid: 'grant-2' }))).status, 200, 'under a new grant it goes on')
  },
)

t.test('an altered, invented or old session is unknown, and one has to be there', async (t) => {
  const stage = await setBridgedStage(t)
  const { id, token, post } = await talk(stage)
  const altered = `${id.slice(0, -2)}${id.endsWith('AA') ? 'BB' : 'AA'}`
  for (const invented of [altered, 'invented', id.slice(0, 40)]) {
    t.equal((await post(call('ping'), { headers: { 'mcp-session-id': invented } })).status, 404)
  }
  const missing = await send(stage, { token, body: call('ping') })
  t.equal(missing.status, 400)
  t.match(errorOf(missing).message, /Mcp-Session-Id is missing/)
  t.equal((await post(call('ping'))).status, 200)
  stage.clock.ahead = 8 * 24 * 60 * 60 * 1000
  const late = await stage.token({ exp: Math.floor(Date.now() / 1000) + 9 * 24 * 60 * 60 })
  const headers = { authorization: `Bearer ${late}` }
  t.equal((await post(call('ping'), { headers })).status, 404, 'after a week')
})

t.test('only versions that are spoken pass', async (t) => {
  const stage = await setBridgedStage(t)
  const { post } = await talk(stage)
  const refused = await post(call('ping'), { headers: { 'mcp-protocol-version': '2024-10-07' } })
  t.equal(refused.status, 400)
  t.match(errorOf(refused).message, /2025-11-25/)
  for (const version of ['2025-11-25', '2025-06-18', null])
    t.equal((await post(call('ping'), { headers: { 'mcp-protocol-version': version } })).status, 200)
})

t.test('what is answered here never reaches the peer', async (t) => {
  const stage = await setBridgedStage(t)
  const { post } = await talk(stage)
  const before = stage.peer.methods.length
  t.same((await post(call('ping', {}, 'p'))).json, { jsonrpc: '2.0', id: 'p', result: {} })
  t.same((await post(call('logging/setLevel', { level: 'debug' }))).json.result, {})
  t.equal(errorOf(await post(call('logging/setLevel', { level: 'loud' }))).code, -32602)
  const initialized = await post(notification('notifications/initialized'))
  t.equal(initialized.status, 202)
  t.equal(initialized.text, '')
  t.same((await post(call('resources/subscribe', { uri: 'test://static-text' }))).json.result, {})
  t.equal(errorOf(await post(call('resources/subscribe', { uri: 7 }))).code, -32602)
  for (const method of ['server/discover', 'subscriptions/listen', 'tasks/list'])
    t.equal(errorOf(await post(call(method))).code, -32601, method)
  t.equal(stage.peer.methods.length, before)
  await post(call('tools/list'))
  t.equal(stage.peer.methods.length, before + 1)
})

t.test('a deleted session is gone, and others go on', async (t) => {
  const stage = await setBridgedStage(t)
  const first = await talk(stage)
  const second = await talk(stage)
  t.equal((await first.delete()).status, 200)
  t.equal((await first.post(call('tools/list'))).status, 404)
  t.equal((await first.delete()).status, 404)
  t.equal((await first.get()).status, 404)
  t.equal((await second.post(call('tools/list'))).status, 200)
})

t.test('results have nothing of the modern era in them', async (t) => {
  const stage = await setBridgedStage(t)
  const { post } = await talk(stage)
  const { result } = (await post(call('tools/list'))).json
  t.same(Object.keys(Object(result)), ['tools'])
  const read = (await post(call('resources/read', { uri: 'test://static-text' }))).json
  t.same(Object.keys(Object(read.result)), ['contents'])
})

t.test('a resource that is not there has the code of the era', async (t) => {
  const stage = await setBridgedStage(t)
  const { post } = await talk(stage)
  t.equal(errorOf(await post(call('resources/read', { uri: 'test://nowhere' }))).code, -32002)
  t.equal(errorOf(await post(call('tools/call', { name: 'nowhere' }))).code, -32602)
})

t.test('envelopes, states and responses that a client smuggles in are not passed on', async (t) => {
  const stage = await setBridgedStage(t)
  const { post } = await talk(stage, { capabilities: {} })
  const smuggled = {
    name: 'test_input_required_result_capabilities',
    arguments: {},
    inputResponses: { user_name: { action: 'accept', content: { name: 'x' } } },
    requestState: 'mine',
    _meta: { 'io.modelcontextprotocol/clientCapabilities': { sampling: {} } },
  }
  t.match((await post(call('tools/call', smuggled))).text, /The client can do nothing/)
})

t.test('a client gets the kind of answer that it accepts', async (t) => {
  const stage = await setBridgedStage(t)
  const { post, stream, get } = await talk(stage)
  const list = call('tools/list')
  t.match((await post(list, { headers: { accept: 'application/json' } })).headers, {
    'content-type': 'application/json',
  })
  const events = await stream(list, { headers: { accept: 'text/event-stream' } })
  t.equal(events.type, 'text/event-stream')
  t.equal((await events.rest()).at(-1)?.message?.id, 1)
  t.equal((await post(list, { headers: { accept: 'text/html' } })).status, 406)
  t.equal((await get({ headers: { accept: 'application/json' } })).status, 406)
  const asking = call('tools/call', { name: 'test_elicitation', arguments: { message: 'Who?' } })
  const { post: postAble } = await talk(stage, { capabilities: { elicitation: {} } })
  const refused = await postAble(asking, { headers: { accept: 'application/json' } })
  t.equal(errorOf(refused).code, -32600, 'the upstream knows that it cannot ask')
})
