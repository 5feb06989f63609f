// Owns the proof that a 2026-07-28 client is told of a changed notebook on the stream it opened for that.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t from 'tap'
import { startDemoUpstream } from '../../src/demo/server.ts'

t.test('a subscription hears of new notes until it is closed', async (t) => {
  const demo = await startDemoUpstream()
  t.teardown(() => demo.close())
  const client = new Client(
    { name: 'subscriber', version: '1.0.0' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  await client.connect(new StreamableHTTPClientTransport(new URL(demo.url)))
  t.teardown(() => client.close())
  const heard: string[] = []
  const first = Promise.withResolvers<void>()
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    heard.push(params.uri)
    first.resolve()
  })

  const subscription = await client.listen({ resourceSubscriptions: ['demo://notes'] })
  t.strictSame(subscription.honoredFilter, { resourceSubscriptions: ['demo://notes'] })
  await client.callTool({ name: 'add_note', arguments: { text: 'one' } })
  await first.promise
  await subscription.close()
  await client.callTool({ name: 'add_note', arguments: { text: 'two' } })
  t.strictSame(heard, ['demo://notes'])
})

t.test('a subscription ends in order when the server stops', async (t) => {
  const demo = await startDemoUpstream()
  const client = new Client(
    { name: 'subscriber', version: '1.0.0' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  await client.connect(new StreamableHTTPClientTransport(new URL(demo.url)))
  t.teardown(() => client.close())
  const subscription = await client.listen({ resourceSubscriptions: ['demo://notes'] })

  await demo.close()
  t.equal(await subscription.closed, 'graceful')
})
