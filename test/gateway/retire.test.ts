// Owns the proof that upstreams are replaced under running calls: these finish on the old one, and new ones find the new.

import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { events, obliging, startHostileUpstream } from '../support/hostile-upstream.ts'
import { call, modern, open, send, setStage, until } from './stage.ts'

const LISTEN = modern('subscriptions/listen', { notifications: {} }, 'sub-1')

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

  t.equal(await stream, '', 'a client whose stream ends comes back')
  t.match(await subscription, '"resultType":"complete"')
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
  t.equal(await gone, '')
  t.equal((await send(stage, { token: mail, path: '/mcp/mail' })).status, 404)
  t.equal(stage.gateway.metadata('/.well-known/oauth-protected-resource/mcp/mail'), null)
  t.equal((await send(stage, { token })).status, 200)
  t.equal(stage.gateway.openStreams(), 1)
  kept.destroy()
  t.throws(() => stage.registry.replace([notes, notes]), /Two upstreams/)
  t.equal((await send(stage, { token })).status, 200, 'what cannot be is not taken over')
})
