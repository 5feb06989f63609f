// Owns the proof that upstreams are replaced under running calls: these finish on the old one, and new ones find the new.

import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { loadConfig } from '../../src/config/config.ts'
import { createStandingPolicy } from '../../src/oauth/standing-policy.ts'
import { events, obliging, startHostileUpstream } from '../support/hostile-upstream.ts'
import { call, modern, open, send, setStage, until } from './stage.ts'

const LISTEN = modern('subscriptions/listen', { notifications: { toolsListChanged: true } }, 'sub-1')

async function textOf(res: IncomingMessage): Promise<string> {
  let text = ''
  for await (const bytes of res) text += String(bytes)
  return text
}

t.test('calls finish where they began, streams end, and new calls go to the new upstream', async (t) => {
  const [old, young] = [await startHostileUpstream(t), await startHostileUpstream(t)]
  const stage = await setStage(t, [{ url: old.url }, { name: 'kept', url: young.url }])
  const token = await stage.token()
  const answers: (() => void)[] = []
  old.answer((arrival, res) => {
    if (arrival.body.includes('slow')) answers.push(() => obliging(arrival, res))
    else if (arrival.body.includes('streaming')) {
      events(res)
      answers.push(() => res.end('data: {"late":true}\n\n'))
    } else events(res)
  })
  const stream = textOf(await open(stage, { token, method: 'GET' }))
  const subscription = textOf(await open(stage, { token, ...LISTEN }))
  const calling = send(stage, { token, body: call('tools/call', { name: 'slow' }) })
  const streaming = textOf(await open(stage, { token, body: call('tools/call', { name: 'streaming' }) }))
  await until(() => answers.length === 2)

  stage.registry.replace([
    { name: 'notes', title: 'Notes', url: young.url, headers: {} },
    { name: 'kept', title: 'Notes', url: young.url, headers: {} },
  ])

  t.match(await stream, 'notifications/prompts/list_changed', 'a client whose stream ends comes back')
  const last = await subscription
  t.match(last, 'notifications/tools/list_changed', 'and knows that what was listed may be something else')
  t.notMatch(last, 'notifications/prompts/list_changed', 'which is told of what was asked for alone')
  t.match(last, '"resultType":"complete"')
  t.equal((await send(stage, { token })).status, 200)
  t.equal(young.arrivals.length, 1)
  for (const answer of answers) answer()
  t.match((await calling).json, { result: { ok: true } })
  t.equal(await streaming, 'data: {"late":true}\n\n')
  await until(() => old.connections() === 0)
  t.ok(young.connections() > 0, 'connections of what is still there are kept')
})

t.test('an upstream that is removed answers 404, and one that stays does not notice', async (t) => {
  const [one, two] = [await startHostileUpstream(t), await startHostileUpstream(t)]
  const notes = { name: 'notes', title: 'Notes', url: one.url, headers: {} }
  const stage = await setStage(t, [notes, { name: 'mail', url: two.url }])
  const token = await stage.token()
  two.answer((_, res) => events(res))
  one.answer((arrival, res) => (arrival.method === 'GET' ? events(res) : obliging(arrival, res)))
  const mail = await stage.token({ aud: 'https://gate.example/mcp/mail', scope: 'mail' })
  const gone = textOf(await open(stage, { token: mail, path: '/mcp/mail', method: 'GET' }))
  const kept = await open(stage, { token, method: 'GET' })
  stage.registry.replace([{ ...notes, headers: {} }])
  t.match(await gone, 'notifications/tools/list_changed')
  t.equal((await send(stage, { token: mail, path: '/mcp/mail' })).status, 404)
  t.equal(stage.gateway.metadata('/.well-known/oauth-protected-resource/mcp/mail'), null)
  t.equal((await send(stage, { token })).status, 200)
  t.equal(stage.gateway.openStreams(), 1)
  kept.destroy()
  t.throws(() => stage.registry.replace([notes, notes]), /Two upstreams/)
  t.equal((await send(stage, { token })).status, 200, 'what cannot be is not taken over')
})

t.test('under another policy, streams that may go on are told of it, and the others end', async (t) => {
  const upstream = await startHostileUpstream(t)
  const standing = createStandingPolicy(null)
  const stage = await setStage(t, [{ url: upstream.url }], { policy: standing })
  const token = await stage.token()
  const half = Promise.withResolvers<() => void>()
  upstream.answer((arrival, res) => {
    if (arrival.method !== 'POST' && arrival.method !== 'GET') return obliging(arrival, res)
    events(res)
    if (!arrival.body.includes('tools')) return
    res.write('data: {"first":1}\n\ndata: {"second"')
    half.resolve(() => void res.write(':2}\n\n'))
  })
  const heard: string[] = []
  const listening = await open(stage, { token, ...LISTEN })
  listening.on('data', (bytes) => heard.push(String(bytes)))
  const secrets = { notifications: { resourceSubscriptions: ['note://secret'] } }
  const watching = textOf(await open(stage, { token, ...modern('subscriptions/listen', secrets, 'sub-2') }))
  const session = textOf(await open(stage, { token, method: 'GET' }))
  const finish = await half.promise
  await until(() => heard.join('').includes('second'))

  const POLICY = JSON.stringify({ rules: [{ resources: ['note://secret'], effect: 'deny' }] })
  standing.replace(loadConfig({ UPSTREAMS: '{"notes": {"url": "http://notes/mcp"}}', POLICY }).policy)

  t.match(await watching, '"resultType":"complete"', 'it would tell what may not be known')
  t.match(await session, 'notifications/tools/list_changed', 'its answers were not looked through')
  t.notMatch(heard.join(''), 'list_changed', 'nothing gets into the middle of an event')
  finish()
  await until(() => heard.join('').includes('list_changed'))
  t.match(
    heard.join(''),
    /"second":2\}\n\nevent: message\ndata: \{"jsonrpc":"2.0","method":"notifications\/tools\/list_changed"/,
  )
  t.equal(stage.gateway.openStreams(), 1)
  listening.destroy()
})
