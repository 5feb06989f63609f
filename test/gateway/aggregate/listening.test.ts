// Owns the proof that one subscription hears of every server that it asked about, and of no other.

import t from 'tap'
import { startDemoUpstream } from '../../../src/demo/server.ts'
import { events, startHostileUpstream } from '../../support/hostile-upstream.ts'
import { freePort } from '../../support/local-server.ts'
import { until } from '../stage.ts'
import { clientAt, demoAt, serverAt, setTown } from './town.ts'

t.test('a changed resource of one server is heard under the name that it has here', async (t) => {
  const town = await setTown(t, [await demoAt(t, 'home'), await demoAt(t, 'work')])
  const client = await clientAt(t, town)
  const heard: string[] = []
  client.setNotificationHandler(
    'notifications/resources/updated',
    ({ params }) => void heard.push(params.uri),
  )
  const subscription = await client.listen({ resourceSubscriptions: ['mcp+work+demo://notes'] })
  t.strictSame(subscription.honoredFilter, { resourceSubscriptions: ['mcp+work+demo://notes'] })
  await client.callTool({ name: 'home_add_note', arguments: { text: 'unheard' } })
  await client.callTool({ name: 'work_add_note', arguments: { text: 'heard' } })
  await until(() => heard.length > 0)
  t.strictSame(heard, ['mcp+work+demo://notes'])
  await subscription.close()
  await until(() => town.gateway.openStreams() === 0)
})

t.test('a changed list of one server is heard once', async (t) => {
  const plain = await serverAt(t, 'plain', (server) => {
    server.registerTool('only', {}, () => ({ content: [] }))
  })
  const town = await setTown(t, [plain, await demoAt(t, 'home')])
  const client = await clientAt(t, town)
  let heard = 0
  client.setNotificationHandler('notifications/tools/list_changed', () => void heard++)
  const subscription = await client.listen({ toolsListChanged: true })
  t.match(subscription.honoredFilter, { toolsListChanged: true })
  plain.notify.toolsChanged()
  await until(() => heard > 0)
  t.equal(heard, 1)
})

t.test('a server that comes back is listened to again, and may have changed', async (t) => {
  const port = await freePort()
  const first = await startDemoUpstream({ port })
  const town = await setTown(t, [
    { name: 'flaky', title: 'Flaky', url: first.url, headers: {} },
    await demoAt(t, 'home'),
  ])
  const client = await clientAt(t, town)
  let changes = 0
  const updates: string[] = []
  client.setNotificationHandler('notifications/tools/list_changed', () => void changes++)
  client.setNotificationHandler(
    'notifications/resources/updated',
    ({ params }) => void updates.push(params.uri),
  )
  await client.listen({
    toolsListChanged: true,
    resourceSubscriptions: ['mcp+flaky+demo://notes', 'mcp+home+demo://notes'],
  })
  await first.close()
  await client.callTool({ name: 'home_add_note', arguments: { text: 'still here' } })
  await until(() => updates.length === 1)

  const second = await startDemoUpstream({ port })
  t.teardown(() => second.close())
  await until(() => changes > 0)
  await client.callTool({ name: 'flaky_add_note', arguments: { text: 'back' } })
  await until(() => updates.length === 2)
  t.strictSame(updates, ['mcp+home+demo://notes', 'mcp+flaky+demo://notes'])
})

t.test('a server that is down or silent does not keep the others from being heard', async (t) => {
  const hanging = await startHostileUpstream(t)
  hanging.answer((_, res) => events(res))
  const town = await setTown(t, [
    { name: 'down', title: 'Down', url: 'http://127.0.0.1:9/mcp', headers: {} },
    { name: 'hangs', title: 'Hangs', url: hanging.url, headers: {} },
    await demoAt(t, 'home'),
  ])
  const client = await clientAt(t, town)
  const heard: string[] = []
  client.setNotificationHandler(
    'notifications/resources/updated',
    ({ params }) => void heard.push(params.uri),
  )
  const began = performance.now()
  await client.listen({ toolsListChanged: true, resourceSubscriptions: ['mcp+home+demo://notes'] })
  t.ok(performance.now() - began < 10_000, 'clients do nothing else before it is acknowledged')
  await client.callTool({ name: 'home_add_note', arguments: { text: 'heard' } })
  await until(() => heard.length > 0)
  t.strictSame(heard, ['mcp+home+demo://notes'])
})
