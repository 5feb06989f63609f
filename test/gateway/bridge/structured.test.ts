// Owns the proof that a legacy client can use tools whose schemas and results only the modern era has, and the other way round.

import { Client as ClientV2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { isRecord, type Members } from '../../../src/mcp/rpc.ts'
import { sendResult, servePlainly } from '../../upstreams/peers.ts'
import { serverAt, setTown } from '../aggregate/town.ts'
import { call, modern, type Stage, send } from '../stage.ts'
import { connectV1, talk } from './legacy-stage.ts'
import { serveLegacy } from './legacy-upstream.ts'
import { setLinkedStage } from './linked-stage.ts'

const NAMES = ['Ann', 'Bob']
const LIST = { type: 'array', items: { type: 'string' } }

function registerTools(server: McpServer): void {
  server.registerTool('names', { outputSchema: z.array(z.string()) }, () => ({
    content: [],
    structuredContent: NAMES,
  }))
  server.registerTool('sum', { outputSchema: z.object({ sum: z.number() }) }, () => ({
    content: [{ type: 'text', text: 'three' }],
    structuredContent: { sum: 3 },
  }))
}

async function modernAt(t: Test): Promise<string> {
  const handler = createMcpHandler(
    () => {
      const server = new McpServer({ name: 'modern', version: '1' })
      registerTools(server)
      return server
    },
    { legacy: 'reject' },
  )
  t.teardown(() => handler.close())
  const { url } = await servePlainly(t, async ({ req, res, body }) => {
    const headers = Object.entries(req.headers).map(([name, value]): [string, string] => [
      name,
      String(value),
    ])
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    const answer = await handler.fetch(new Request('http://127.0.0.1/mcp', init))
    res.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
  })
  return url
}

async function connectV2(t: Test, stage: Stage): Promise<ClientV2> {
  const client = new ClientV2({ name: 'v2', version: '1' }, { versionNegotiation: { mode: 'legacy' } })
  const requestInit = { headers: { authorization: `Bearer ${await stage.token()}` } }
  await client.connect(
    new StreamableHTTPClientTransport(new URL('/mcp/notes', stage.origin), { requestInit }),
  )
  t.teardown(() => client.close())
  return client
}

function toolsIn({ json }: { readonly json: unknown }): readonly Members[] {
  const result = isRecord(json) && isRecord(json.result) ? json.result : {}
  return Array.isArray(result.tools) ? result.tools.filter(isRecord) : []
}

t.test(
  'a legacy client gets lists as the result of an object, and the other tools as they are',
  async (t) => {
    const stage = await setLinkedStage(t, await modernAt(t))
    const v1 = new ClientV1({ name: 'v1', version: '1' })
    await connectV1(t, stage, v1)
    for (const client of [v1, await connectV2(t, stage)]) {
      const { tools } = await client.listTools()
      t.same(
        tools.map(({ name, outputSchema }) => [name, outputSchema?.type]),
        [
          ['names', undefined],
          ['sum', 'object'],
        ],
      )
      t.match(await client.callTool({ name: 'names', arguments: {} }), {
        structuredContent: { result: NAMES },
        content: [{ type: 'text', text: JSON.stringify(NAMES) }],
      })
      const { content, structuredContent } = await client.callTool({ name: 'sum', arguments: {} })
      t.same(structuredContent, { sum: 3 })
      t.same(content, [{ type: 'text', text: 'three' }])
    }
  },
)

t.test('a modern client gets the same lists as they are', async (t) => {
  const stage = await setLinkedStage(t, await modernAt(t))
  const token = await stage.token()
  const [names] = toolsIn(await send(stage, { token, ...modern('tools/list') }))
  t.match(names, { outputSchema: LIST })
  const { json } = await send(stage, { token, ...modern('tools/call', { name: 'names' }) })
  t.match(json, { result: { structuredContent: NAMES } })
})

t.test('it is the same where several servers are one', async (t) => {
  const upstreams = [
    await serverAt(t, 'one', registerTools),
    await serverAt(t, 'two', (server) => server.registerTool('none', {}, () => ({ content: [] }))),
  ]
  const town = await setTown(t, upstreams)
  const token = await town.pass()
  const session = await talk({ ...town, token: async () => token }, { path: '/mcp' })
  const listed = toolsIn(await session.post(call('tools/list')))
  const names = listed.find(({ name }) => String(name).endsWith('names'))
  t.ok(names && !('outputSchema' in names))
  t.match((await session.post(call('tools/call', { name: names?.name, arguments: {} }))).json, {
    result: { structuredContent: { result: NAMES } },
  })
  const { json } = await send(town, { token, path: '/mcp', ...modern('tools/call', { name: names?.name }) })
  t.match(json, { result: { structuredContent: NAMES } })
})

t.test(
  'a schema that is true or false, and a number of many digits, are told as well as can be',
  async (t) => {
    const properties = { any: true, none: false, text: { type: 'string' } }
    const upstream = await servePlainly(t, (received) => {
      const { method, id } = received.body
      if (method === 'server/discover')
        sendResult(received, { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } })
      else if (method === 'tools/list')
        sendResult(received, { tools: [{ name: 'any', inputSchema: { type: 'object', properties } }] })
      else if (method === 'tools/call')
        received.res
          .writeHead(200, { 'content-type': 'application/json' })
          .end(`{"jsonrpc":"2.0","id":${id},"result":{"content":[],"structuredContent":9223372036854775807}}`)
      else received.res.writeHead(400).end()
    })
    const stage = await setLinkedStage(t, upstream.url)
    const session = await talk(stage)
    const client = new ClientV1({ name: 'v1', version: '1' })
    await connectV1(t, stage, client)
    const { tools } = await client.listTools()
    t.same(tools[0]?.inputSchema.properties, { any: {}, none: { not: {} }, text: { type: 'string' } })
    const { text } = await session.post(call('tools/call', { name: 'any', arguments: {} }))
    t.match(text, '"structuredContent":{"result":9223372036854775807}')
    t.match(text, '"text":"9223372036854775807"')
  },
)

t.test('how a tool goes with tasks of 2025-11-25 is not told to who cannot have them', async (t) => {
  const upstream = await serveLegacy(t, () => {
    const server = new McpServerV1({ name: 'old', version: '1' }, { capabilities: { tools: {} } })
    server.registerTool('plain', { title: 'Plain' }, () => ({ content: [] }))
    return server
  })
  const direct = new ClientV1({ name: 'v1', version: '1' })
  const stage = await setLinkedStage(t, upstream.url)
  await connectV1(t, stage, direct)
  t.match((await direct.listTools()).tools, [{ name: 'plain', execution: { taskSupport: 'forbidden' } }])
  const [tool] = toolsIn(await send(stage, { token: await stage.token(), ...modern('tools/list') }))
  t.match(tool, { name: 'plain', title: 'Plain' })
  t.notOk(tool && 'execution' in tool)
})
