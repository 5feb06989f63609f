// Owns the proof that real clients of both eras work through the gateway as they do without it.

import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { McpServer } from '@modelcontextprotocol/server'
import t from 'tap'
import * as z from 'zod'
import { serveMcp } from './mcp-upstream.ts'
import { type Stage, setStage, type Teardown, until } from './stage.ts'

function buildServer(): McpServer {
  const server = new McpServer(
    { name: 'both', version: '1' },
    { capabilities: { tools: { listChanged: true } } },
  )
  server.registerTool(
    'count',
    { description: 'counts', inputSchema: z.object({ to: z.number() }), annotations: { readOnlyHint: true } },
    async ({ to }, ctx) => {
      const progressToken = ctx.mcpReq._meta?.progressToken
      for (let progress = 1; progress <= to && progressToken !== undefined; progress++) {
        await ctx.mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken, progress, total: to },
        })
      }
      return { content: [{ type: 'text', text: `counted to ${to}` }] }
    },
  )
  return server
}

async function connectV1(t: Teardown, stage: Stage, client = new ClientV1({ name: 'v1', version: '1' })) {
  const transport = new TransportV1(new URL('/mcp/notes', stage.origin), await credentials(stage))
  await client.connect(transport)
  t.teardown(() => client.close())
  return { client, transport }
}

async function connectV2(t: Teardown, stage: Stage, mode: 'legacy' | 'auto') {
  const client = new ClientV2({ name: 'v2', version: '1' }, { versionNegotiation: { mode } })
  const transport = new TransportV2(new URL('/mcp/notes', stage.origin), await credentials(stage))
  await client.connect(transport)
  t.teardown(() => client.close())
  return { client, transport }
}

async function credentials(stage: Stage) {
  return { requestInit: { headers: { authorization: `Bearer ${await stage.token()}` } } }
}

t.test('a client of the first SDK: tools, progress, its stream, the end of its session', async (t) => {
  const upstream = await serveMcp(t, buildServer, 'legacy')
  const stage = await setStage(t, [{ url: upstream.url }])
  const { client, transport } = await connectV1(t, stage)
  t.same(
    (await client.listTools()).tools.map(({ name }) => name),
    ['count'],
  )
  const progress: number[] = []
  const result = await client.callTool({ name: 'count', arguments: { to: 3 } }, undefined, {
    onprogress: ({ progress: at }) => progress.push(at),
  })
  t.match(result, { content: [{ text: 'counted to 3' }] })
  t.same(progress, [1, 2, 3])
  await until(() => stage.gateway.openStreams() === 1)
  t.equal(upstream.count('GET'), 1)
  t.equal(upstream.sessions(), 1)
  await transport.terminateSession()
  t.equal(upstream.sessions(), 0)
})

t.test('a client of the second SDK in the legacy era', async (t) => {
  const upstream = await serveMcp(t, buildServer, 'legacy')
  const stage = await setStage(t, [{ url: upstream.url }])
  const { client } = await connectV2(t, stage, 'legacy')
  const result = await client.callTool({ name: 'count', arguments: { to: 2 } })
  t.match(result, { content: [{ text: 'counted to 2' }] })
})

t.test('a client that may speak either era finds out which one an upstream speaks', async (t) => {
  for (const era of ['modern', 'legacy'] as const) {
    const upstream = await serveMcp(t, buildServer, era)
    const stage = await setStage(t, [{ url: upstream.url }])
    const { client } = await connectV2(t, stage, 'auto')
    const progress: number[] = []
    const result = await client.callTool(
      { name: 'count', arguments: { to: 3 } },
      { onprogress: (at) => progress.push(at.progress) },
    )
    t.match(result, { content: [{ text: 'counted to 3' }] }, era)
    t.same(progress, [1, 2, 3])
    t.equal(upstream.sessions(), era === 'legacy' ? 1 : 0)
    t.equal(client.getNegotiatedProtocolVersion(), era === 'modern' ? '2026-07-28' : '2025-11-25')
    t.same(stage.errors, [])
  }
})

t.test('a subscription stays open, and a client that ends it is gone upstream', async (t) => {
  const upstream = await serveMcp(t, buildServer, 'modern')
  const stage = await setStage(t, [{ url: upstream.url }])
  const { client } = await connectV2(t, stage, 'auto')
  const subscription = await client.listen({ toolsListChanged: true })
  t.same(subscription.honoredFilter, { toolsListChanged: true })
  t.equal(stage.gateway.openStreams(), 1)
  await subscription.close()
  await until(() => stage.gateway.openStreams() === 0)
})

t.test('a subscription that the gateway ends is told to the client as such', async (t) => {
  const upstream = await serveMcp(t, buildServer, 'modern')
  const stage = await setStage(t, [{ url: upstream.url }])
  const { client } = await connectV2(t, stage, 'auto')
  const subscription = await client.listen({ toolsListChanged: true })
  await stage.gateway.close(1000)
  t.equal(await subscription.closed, 'graceful')
})

t.test('a legacy upstream asks the client something in the middle of a call', async (t) => {
  const upstream = await serveMcp(
    t,
    () => {
      const server = buildServer()
      server.registerTool('ask', { description: 'asks', inputSchema: z.object({}) }, async (_, ctx) => {
        const answer = await ctx.mcpReq.elicitInput({
          mode: 'form',
          message: 'Your name?',
          requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
        })
        return { content: [{ type: 'text', text: JSON.stringify(answer) }] }
      })
      return server
    },
    'legacy',
  )
  const stage = await setStage(t, [{ url: upstream.url }])
  const client = new ClientV1({ name: 'v1', version: '1' }, { capabilities: { elicitation: {} } })
  client.setRequestHandler(ElicitRequestSchema, async () => ({
    action: 'accept',
    content: { name: 'Alice' },
  }))
  await connectV1(t, stage, client)
  const result = await client.callTool({ name: 'ask', arguments: {} })
  t.match(result, { content: [{ text: /Alice/ }] })
})

t.test('many callers with the same ids each get their own answer', async (t) => {
  const upstream = await serveMcp(t, buildServer, 'legacy')
  const stage = await setStage(t, [{ url: upstream.url }])
  const clients = await Promise.all(Array.from({ length: 8 }, () => connectV2(t, stage, 'legacy')))
  const counted = await Promise.all(
    clients.flatMap(({ client }, at) =>
      Array.from({ length: 10 }, async () => {
        const result = await client.callTool({ name: 'count', arguments: { to: at } })
        return JSON.stringify(result.content).includes(`counted to ${at}"`)
      }),
    ),
  )
  t.ok(counted.every(Boolean))
})
