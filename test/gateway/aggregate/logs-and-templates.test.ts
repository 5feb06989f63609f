// Owns the proof that log messages come as loud as they are wanted, and that templates can be filled in, at the aggregate and in
// both eras on both sides.

import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/server'
import t from 'tap'
import { asking } from '../bridge/modern-stage.ts'
import { type Era, serveMcp } from '../mcp-upstream.ts'
import type { Teardown } from '../stage.ts'
import { ask, clientAt, setTown, type Town } from './town.ts'

const NAMES = ['legacy', 'modern'] as const
const LEVELS = ['debug', 'info', 'error'] as const
const VALUES = ['one', 'other']

function buildServer(): McpServer {
  const server = new McpServer({ name: 'loud', version: '1' }, { capabilities: { logging: {} } })
  server.registerTool('speak', {}, async (ctx) => {
    for (const level of LEVELS) await ctx.mcpReq.log(level, `this is ${level}`, 'voice')
    return { content: [] }
  })
  const complete = { id: (value: string) => VALUES.filter((each) => each.startsWith(value)) }
  const template = new ResourceTemplate('note://{id}', { list: undefined, complete })
  server.registerResource('note', template, {}, (uri, { id }) => ({
    contents: [{ uri: uri.href, text: `note ${id}` }],
  }))
  return server
}

async function townOf(t: Teardown): Promise<Town> {
  const at = async (era: Era) => ({
    name: era,
    title: era,
    url: (await serveMcp(t, buildServer, era)).url,
    headers: {},
  })
  return setTown(t, [await at('legacy'), await at('modern')])
}

async function oldClientAt(t: Teardown, town: Town): Promise<OldClient> {
  const client = new OldClient({ name: 'old', version: '1' })
  const requestInit = { headers: { authorization: `Bearer ${await town.pass()}` } }
  // SDK v1 was not written for exactOptionalPropertyTypes: its own transport does not fit its own interface.
  const connectable: { connect(transport: object): Promise<void> } = client
  await connectable.connect(new OldTransport(new URL('/mcp', town.origin), { requestInit }))
  t.teardown(() => client.close())
  return client
}

t.test('a client of 2025 sets its level once, for every server', async (t) => {
  const client = await oldClientAt(t, await townOf(t))
  const heard: string[] = []
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    heard.push(`${params.logger}: ${params.data}`)
  })
  for (const [level, wanted] of [
    ['info', ['info', 'error']],
    ['error', ['error']],
    ['debug', ['debug', 'info', 'error']],
  ] as const)
    for (const name of NAMES) {
      await client.setLoggingLevel(level)
      heard.length = 0
      await client.callTool({ name: `${name}_speak` })
      t.strictSame(
        heard,
        wanted.map((each) => `${name}: voice: this is ${each}`),
        `${level} at ${name}`,
      )
    }
})

t.test('a client of today says its level in each request, and hears nothing without', async (t) => {
  const town = await townOf(t)
  for (const name of NAMES) {
    const speak = async (meta: object) => {
      const { headers, body } = asking('tools/call', { name: `${name}_speak` }, { token: '', meta })
      const { text } = await ask(town, { ...(headers && { headers }), body })
      return LEVELS.filter((level) => text.includes(`this is ${level}`))
    }
    t.strictSame(await speak({ 'io.modelcontextprotocol/logLevel': 'info' }), ['info', 'error'], name)
    t.strictSame(await speak({ 'io.modelcontextprotocol/logLevel': 'error' }), ['error'])
    t.strictSame(await speak({}), [])
  }
})

t.test('templates are listed, completed, filled in and read under their names here', async (t) => {
  const town = await townOf(t)
  const [today, old] = [await clientAt(t, town), await oldClientAt(t, town)]
  const templates = NAMES.map((name) => `mcp+${name}+note://{id}`)
  for (const client of [today, old]) {
    const { resourceTemplates } = await client.listResourceTemplates()
    t.strictSame(
      resourceTemplates.map(({ uriTemplate }) => uriTemplate),
      templates,
    )
    for (const uriTemplate of templates) {
      const uri = uriTemplate.replace('{id}', 'one')
      const ref = { type: 'ref/resource' as const, uri: uriTemplate }
      const { completion } = await client.complete({ ref, argument: { name: 'id', value: 'o' } })
      t.strictSame(completion.values, VALUES)
      t.match((await client.readResource({ uri })).contents, [{ uri, text: 'note one' }])
    }
    const unknown = { type: 'ref/resource' as const, uri: 'note://{id}' }
    await t.rejects(client.complete({ ref: unknown, argument: { name: 'id', value: 'o' } }), { code: -32602 })
  }
})
