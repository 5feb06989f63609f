// Owns the proof that clients and servers of both eras meet at the aggregate, in all that the protocol has.

import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema, ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import t from 'tap'
import { createEndpoint, type Era } from '../../../src/demo/endpoint.ts'
import { listen } from '../../../src/demo/listen.ts'
import { buildDemoServer } from '../../../src/demo/mcp-server.ts'
import { createNotebook } from '../../../src/demo/notebook.ts'
import { NOTES_URI } from '../../../src/demo/resources.ts'
import type { Teardown } from '../stage.ts'
import { until } from '../stage.ts'
import { clientAt, setTown, type Town, textOf } from './town.ts'

/** The demo server, in one era alone. */
async function demoOf(t: Teardown, era: Era) {
  const notebook = createNotebook()
  const endpoint = createEndpoint((each) => buildDemoServer(each, notebook), { eras: new Set([era]) })
  notebook.onChange(() => endpoint.notify.resourceUpdated(NOTES_URI))
  const { url, close } = await listen(endpoint, '127.0.0.1', 0)
  t.teardown(close)
  return { name: era, title: era, url, headers: {} }
}

async function bothEras(t: Teardown): Promise<Town> {
  return setTown(t, [await demoOf(t, 'legacy'), await demoOf(t, 'modern')])
}

async function oldClientAt(t: Teardown, town: Town): Promise<OldClient> {
  const client = new OldClient({ name: 'old', version: '1' }, { capabilities: { elicitation: {} } })
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { confirm: true } }))
  const headers = { authorization: `Bearer ${await town.pass()}` }
  const transport = new OldTransport(new URL('/mcp', town.origin), { requestInit: { headers } })
  // SDK v1 was not written for exactOptionalPropertyTypes: its own transport does not fit its own interface.
  const connectable: { connect(transport: object): Promise<void> } = client
  await connectable.connect(transport)
  t.teardown(async () => {
    await transport.terminateSession()
    await client.close()
  })
  return client
}

const NAMES = ['legacy', 'modern'] as const

t.test('a client of 2025 gets everything of both servers', async (t) => {
  const town = await bothEras(t)
  const client = await oldClientAt(t, town)
  t.match(client.getServerVersion(), { name: 'gatehouse' })
  t.match(client.getInstructions(), 'names begin with modern_')
  const names = (await client.listTools()).tools.map(({ name }) => name)
  for (const name of NAMES) {
    t.ok(names.includes(`${name}_hello`))
    await client.callTool({ name: `${name}_add_note`, arguments: { text: name } })
    t.match(
      textOf(await client.callTool({ name: `${name}_clear_notes` })),
      'Deleted 1 note',
      'it asked first',
    )
    const uri = `mcp+${name}+demo://about`
    t.match((await client.readResource({ uri })).contents, [{ uri }])
    t.match(await client.getPrompt({ name: `${name}_summarize_notes`, arguments: { length: 'a list' } }), {
      messages: [{ role: 'user' }],
    })
    const steps: number[] = []
    await client.callTool({ name: `${name}_countdown`, arguments: { from: 2, interval_ms: 5 } }, undefined, {
      onprogress: ({ progress }) => void steps.push(progress),
    })
    t.strictSame(steps, [1, 2])
  }
  t.strictSame(
    (
      await client.complete({
        ref: { type: 'ref/prompt', name: 'legacy_summarize_notes' },
        argument: { name: 'length', value: 'a' },
      })
    ).completion.values,
    ['a list'],
  )
})

t.test('a client of 2025 that subscribes to a resource of each server hears of both', async (t) => {
  const town = await bothEras(t)
  const client = await oldClientAt(t, town)
  const heard = new Set<string>()
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.add(params.uri))
  const uris = NAMES.map((name) => `mcp+${name}+demo://notes`)
  for (const uri of uris) await client.subscribeResource({ uri })
  await until(() => town.gateway.openStreams() > 0)
  for (const name of NAMES) {
    // Subscribing is answered before the stream follows, so the first change may come too early.
    for (let tries = 0; tries < 80 && !heard.has(`mcp+${name}+demo://notes`); tries++) {
      await client.callTool({ name: `${name}_add_note`, arguments: { text: 'another' } })
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  t.strictSame([...heard].sort(), uris)
})

t.test('a client of 2026 gets everything of both servers', async (t) => {
  const town = await bothEras(t)
  const client = await clientAt(t, town)
  for (const name of NAMES) {
    await client.callTool({ name: `${name}_add_note`, arguments: { text: name } })
    t.match(
      textOf(await client.callTool({ name: `${name}_clear_notes` })),
      'Deleted 1 note',
      'it asked first',
    )
  }
  const heard: string[] = []
  client.setNotificationHandler(
    'notifications/resources/updated',
    ({ params }) => void heard.push(params.uri),
  )
  const uris = NAMES.map((name) => `mcp+${name}+demo://notes`)
  const { honoredFilter } = await client.listen({ resourceSubscriptions: uris })
  t.strictSame(honoredFilter, { resourceSubscriptions: uris })
  for (const name of NAMES) {
    await client.callTool({ name: `${name}_add_note`, arguments: { text: 'once more' } })
    await until(() => heard.includes(`mcp+${name}+demo://notes`))
  }
  t.strictSame(heard, uris)
})
