// Owns the proof that a modern subscription hears what a legacy upstream says of its own accord.

import { setTimeout as delay } from 'node:timers/promises'
import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { SubscribeRequestSchema, UnsubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import t, { type Test } from 'tap'
import { open, send, until } from '../stage.ts'
import { serveLegacy } from './legacy-upstream.ts'
import { asking, connectModern, setBridge } from './modern-stage.ts'

async function stageWith(t: Test, needs = {}, subscribeMs = 0) {
  const servers = new Set<Server>()
  const subscribed: string[] = []
  const upstream = await serveLegacy(t, () => {
    const server = new McpServer(
      { name: 'changing', version: '1' },
      { capabilities: { resources: { subscribe: true, listChanged: true }, tools: { listChanged: true } } },
    )
    server.registerTool('nothing', {}, () => ({ content: [] }))
    server.server.setRequestHandler(SubscribeRequestSchema, async ({ params: { uri } }) => {
      await delay(subscribeMs)
      if (uri === 'file:///secret') throw new Error('not this one')
      subscribed.push(uri)
      return {}
    })
    server.server.setRequestHandler(UnsubscribeRequestSchema, ({ params: { uri } }) => {
      subscribed.splice(subscribed.indexOf(uri), 1)
      return {}
    })
    servers.add(server.server)
    return server
  })
  const stage = await setBridge(t, upstream.url, { needs })
  const updated = (uri: string) =>
    Promise.all([...servers].map((server) => server.sendResourceUpdated({ uri })))
  const changed = () => Promise.all([...servers].map((server) => server.sendToolListChanged()))
  return { upstream, stage, subscribed, updated, changed }
}

t.test(
  'the part of a filter that the upstream supports is acknowledged, and heard until it is closed',
  async (t) => {
    const { upstream, stage, subscribed, updated, changed } = await stageWith(t)
    const client = await connectModern(t, stage)
    const heard: string[] = []
    client.setNotificationHandler(
      'notifications/resources/updated',
      ({ params }) => void heard.push(params.uri),
    )
    client.setNotificationHandler('notifications/tools/list_changed', () => void heard.push('tools'))
    const subscription = await client.listen({
      toolsListChanged: true,
      promptsListChanged: true,
      resourceSubscriptions: ['file:///a', 'file:///secret'],
    })
    t.same(subscription.honoredFilter, { toolsListChanged: true, resourceSubscriptions: ['file:///a'] })
    await updated('file:///b')
    await updated('file:///a')
    await changed()
    await until(() => heard.length === 2)
    t.same(heard, ['file:///a', 'tools'])
    await client.callTool({ name: 'nothing' })
    t.equal(upstream.sessions(), 1)
    await subscription.close()
    await until(() => subscribed.length === 0)
    await until(() => stage.gateway.openStreams() === 0)
  },
)

t.test(
  'what lies within a resource that was subscribed to is heard, and what only begins alike is not',
  async (t) => {
    const { stage, updated } = await stageWith(t)
    const client = await connectModern(t, stage)
    const heard: string[] = []
    client.setNotificationHandler(
      'notifications/resources/updated',
      ({ params }) => void heard.push(params.uri),
    )
    await client.listen({ resourceSubscriptions: ['file:///dir', 'file:///open/'] })
    const within = [
      'file:///dir',
      'file:///dir/a/b',
      'file:///dir#part',
      'file:///dir?page=2',
      'file:///open/a',
    ]
    for (const uri of ['file:///directory', 'file:///', 'file:///open', ...within, 'file:///other'])
      await updated(uri)
    await until(() => heard.length >= within.length)
    t.same(heard, within)
  },
)

t.test('two subscriptions to one resource are one at the upstream', async (t) => {
  const { upstream, stage, subscribed, updated } = await stageWith(t)
  const client = await connectModern(t, stage)
  const heard: string[] = []
  client.setNotificationHandler(
    'notifications/resources/updated',
    ({ params }) => void heard.push(params.uri),
  )
  const filter = { resourceSubscriptions: ['file:///a'] }
  const first = await client.listen(filter)
  const second = await client.listen(filter)
  t.equal(upstream.count('resources/subscribe'), 1)
  await first.close()
  await until(() => stage.gateway.openStreams() === 1)
  t.same(subscribed, ['file:///a'])
  await updated('file:///a')
  await until(() => heard.length === 1)
  await second.close()
  await until(() => subscribed.length === 0)
})

t.test(
  'each message is tagged, the first is the acknowledgement, and an end on purpose is told',
  async (t) => {
    const { stage, changed } = await stageWith(t)
    const filter = { notifications: { toolsListChanged: true } }
    const res = await open(
      stage,
      asking('subscriptions/listen', filter, { token: await stage.token(), id: 'sub-1' }),
    )
    let body = ''
    res.on('data', (chunk) => {
      body += String(chunk)
    })
    await until(() => body.includes('acknowledged'))
    await changed()
    await until(() => body.includes('list_changed'))
    await stage.gateway.close(1000)
    await until(() => res.complete)
    const _meta = { 'io.modelcontextprotocol/subscriptionId': 'sub-1' }
    t.same(
      [...body.matchAll(/^data: (.+)$/gm)].map(([, data = '']) => JSON.parse(data)),
      [
        {
          jsonrpc: '2.0',
          method: 'notifications/subscriptions/acknowledged',
          params: { notifications: { toolsListChanged: true }, _meta },
        },
        { jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: { _meta } },
        { jsonrpc: '2.0', id: 'sub-1', result: { resultType: 'complete', _meta } },
      ],
    )
  },
)

t.test('a subscription ends with the access of its person, and a silent one is kept alive', async (t) => {
  const { stage, changed } = await stageWith(t, { limits: { keepAliveMs: 20, pulseMs: 10 } })
  const filter = { notifications: { toolsListChanged: true } }
  const listen = async (claims: object) => {
    const sent = asking('subscriptions/listen', filter, { token: await stage.token({ ...claims }) })
    const res = await open(stage, sent)
    const heard = { body: '', over: false }
    res.on('data', (chunk) => {
      heard.body += String(chunk)
    })
    res.on('close', () => {
      heard.over = true
    })
    await until(() => heard.body.includes('acknowledged'))
    return heard
  }
  const alice = await listen({})
  const bob = await listen({ sub: 'usr_bob', gid: 'grant-2' })
  await until(() => alice.body.includes(': keep-alive'))
  stage.revoked.add('grant-1')
  await until(() => alice.over)
  t.match(alice.body, /"resultType":"complete"/)
  t.notOk(bob.over)
  await changed()
  await until(() => bob.body.includes('list_changed'))
  stage.clock.ahead = 3_600_000
  await until(() => bob.over)
  t.notMatch(bob.body, /"resultType":"complete"/)
})

t.test('a subscription at an upstream that forgot its sessions ends, and can be opened again', async (t) => {
  const { upstream, stage } = await stageWith(t)
  const client = await connectModern(t, stage)
  const subscription = await client.listen({ toolsListChanged: true })
  await upstream.forgetSessions()
  t.not(await subscription.closed, 'local')
  const again = await client.listen({ toolsListChanged: true })
  t.same(again.honoredFilter, { toolsListChanged: true })
  await again.close()
})

t.test('an upstream without a stream of its own acknowledges nothing', async (t) => {
  const upstream = await serveLegacy(
    t,
    () => {
      const server = new McpServer({ name: 'mute', version: '1' })
      server.registerTool('nothing', {}, () => ({ content: [] }))
      return server
    },
    {
      before: (req, res) => {
        if (req.method !== 'GET') return false
        res.writeHead(405).end()
        return true
      },
    },
  )
  const stage = await setBridge(t, upstream.url)
  const client = await connectModern(t, stage)
  const subscription = await client.listen({ toolsListChanged: true })
  t.same(subscription.honoredFilter, {})
  await subscription.close()
})

t.test('for a client that has left, nothing more is subscribed to at an upstream that is slow', async (t) => {
  const { upstream, stage, subscribed } = await stageWith(t, {}, 100)
  const resourceSubscriptions = Array.from({ length: 200 }, (_, n) => `file:///${n}`)
  const leaving = new AbortController()
  const token = await stage.token()
  const params = { notifications: { resourceSubscriptions } }
  const listening = send(stage, {
    ...asking('subscriptions/listen', params, { token }),
    signal: leaving.signal,
  })
  await until(() => subscribed.length > 1)
  leaving.abort()
  await t.rejects(listening)
  await until(() => subscribed.length === 0)
  const asked = upstream.count('resources/subscribe')
  t.ok(asked < 50)
  await delay(300)
  t.equal(upstream.count('resources/subscribe'), asked)
})

t.test('a filter of ten thousand resources is refused, and one of 256 is honoured', async (t) => {
  const { upstream, stage, subscribed } = await stageWith(t)
  const token = await stage.token()
  const filter = (length: number) => ({
    notifications: { resourceSubscriptions: Array.from({ length }, (_, n) => `file:///${n}`) },
  })
  for (const length of [10_000, 257]) {
    const refused = await send(stage, asking('subscriptions/listen', filter(length), { token }))
    t.equal(refused.status, 400)
    t.match(refused.json, { id: 1, error: { code: -32602, message: /at most 256/ } })
  }
  t.equal(upstream.count('resources/subscribe'), 0)
  const stream = await open(stage, asking('subscriptions/listen', filter(256), { token }))
  await until(() => subscribed.length === 256)
  stream.destroy()
  await until(() => subscribed.length === 0)
})
