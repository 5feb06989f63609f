// Owns the proof that several servers are one: each name and URI leads to its own server, and comes back as it is shown.

import t from 'tap'
import * as z from 'zod'
import { sendError, sendResult, servePlainly } from '../../upstreams/peers.ts'
import { modern } from '../stage.ts'
import { ask, clientAt, demoAt, serverAt, setTown, textOf } from './town.ts'

const LONG = 'create_pull_request_review_comment_and_notify_everybody_who_may_care'

t.test('servers with the same tools are kept apart, and each call reaches its own', async (t) => {
  const town = await setTown(t, [await demoAt(t, 'home'), await demoAt(t, 'work')])
  const client = await clientAt(t, town)
  const { tools } = await client.listTools()
  t.strictSame(
    tools.map(({ name }) => name).filter((name) => !name.includes('_note')),
    [
      'list_upstreams',
      'upstream_status',
      'whoami',
      'home_hello',
      'home_add_numbers',
      'home_countdown',
      'work_hello',
      'work_add_numbers',
      'work_countdown',
    ],
  )
  await client.callTool({ name: 'home_add_note', arguments: { text: 'milk' } })
  t.match(textOf(await client.callTool({ name: 'home_list_notes' })), 'milk')
  t.notMatch(textOf(await client.callTool({ name: 'work_list_notes' })), 'milk')
  t.match(
    town.events.flatMap(({ upstream, tool }) => (tool === null ? [] : [[upstream, tool]])),
    [
      ['home', 'add_note'],
      ['home', 'list_notes'],
      ['work', 'list_notes'],
    ],
    'the audit has the upstreams and the tools as they are',
  )
  await t.rejects(client.callTool({ name: 'add_note', arguments: { text: 'x' } }), { code: -32602 })
  await t.rejects(client.callTool({ name: 'other_add_note' }), { code: -32602 })
})

t.test('tools with long and odd names can be called, also on a replica that never listed them', async (t) => {
  const odd = await serverAt(t, 'odd', (server) => {
    for (const name of [LONG, `${LONG}_twice`, 'admin.tools.list', 'plain'])
      server.registerTool(name, { inputSchema: z.object({}) }, () => ({
        content: [{ type: 'text', text: name }],
      }))
  })
  const other = await demoAt(t, 'other')
  const one = await setTown(t, [odd, other])
  const { tools } = await (await clientAt(t, one)).listTools()
  const names = tools.map(({ name }) => name).filter((name) => name.startsWith('odd_'))
  t.equal(new Set(names).size, 4)
  for (const name of names) t.match(name, /^[A-Za-z0-9_-]{1,48}$/)

  const replica = await setTown(t, [other, odd])
  const client = await clientAt(t, replica)
  const said = await Promise.all(names.map((name) => client.callTool({ name })))
  t.strictSame(
    said.map(({ content }) => content),
    [LONG, `${LONG}_twice`, 'admin.tools.list', 'plain'].map((text) => [{ type: 'text', text }]),
  )
  await t.rejects(client.callTool({ name: 'odd_admin_tools_list--0000000000' }), { code: -32602 })
})

t.test('a parameter that a server wants in a header gets there, and no client is asked for it', async (t) => {
  const upstream = await servePlainly(t, (received) => {
    const { method, params } = received.body
    const schema = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } }
    if (method === 'initialize') sendError(received, 400, -32022, { supported: ['2026-07-28'] })
    else if (method === 'server/discover')
      sendResult(received, { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } })
    else if (method === 'tools/list')
      sendResult(received, { tools: [{ name: 'query', inputSchema: schema }] })
    else
      sendResult(received, {
        content: [{ type: 'text', text: `${received.req.headers['mcp-param-region']} ${textOf(params)}` }],
      })
  })
  const regional = { name: 'db', title: 'DB', url: upstream.url, headers: {} }
  const town = await setTown(t, [await demoAt(t, 'home'), regional])
  const client = await clientAt(t, town)
  const { tools } = await client.listTools()
  const listed = tools.find(({ name }) => name === 'db_query')
  t.match(listed, { inputSchema: { properties: { region: { type: 'string' } } } })
  t.notMatch(textOf(listed), 'x-mcp-header')
  t.match(textOf(await client.callTool({ name: 'db_query', arguments: { region: 'eu' } })), '"text":"eu {')
})

t.test('resources, links to them, templates, prompts and completion belong to their server', async (t) => {
  const everything = await serverAt(t, 'library', (server) => {
    server.registerTool('find', { inputSchema: z.object({ uri: z.string() }) }, ({ uri }) => ({
      content: [
        { type: 'text', text: `asked for ${uri}` },
        { type: 'resource_link', uri: 'demo://about', name: 'about' },
        { type: 'resource', resource: { uri: 'demo://about', text: 'embedded' } },
      ],
    }))
    server.registerResource('about', 'demo://about', {}, () => ({
      contents: [{ uri: 'demo://about', text: 'the library' }],
    }))
  })
  const town = await setTown(t, [await demoAt(t, 'demo'), everything])
  const client = await clientAt(t, town)
  const { resources } = await client.listResources()
  t.strictSame(
    resources.map(({ uri }) => uri),
    ['mcp+demo+demo://about', 'mcp+demo+demo://notes', 'mcp+library+demo://about'],
  )
  const read = async (uri: string) => (await client.readResource({ uri })).contents
  t.match(await read('mcp+library+demo://about'), [{ uri: 'mcp+library+demo://about', text: 'the library' }])
  t.match(await read('mcp+demo+demo://about'), [{ uri: 'mcp+demo+demo://about', text: /Demo server/ }])
  await t.rejects(read('demo://about'), { code: -32602 })

  const found = await client.callTool({
    name: 'library_find',
    arguments: { uri: 'mcp+library+demo://about' },
  })
  t.match(found.content, [
    { text: 'asked for demo://about' },
    { type: 'resource_link', uri: 'mcp+library+demo://about' },
    { type: 'resource', resource: { uri: 'mcp+library+demo://about' } },
  ])
  const { prompts } = await client.listPrompts()
  t.strictSame(
    prompts.map(({ name }) => name),
    ['demo_summarize_notes'],
  )
  t.match(
    textOf(await client.getPrompt({ name: 'demo_summarize_notes', arguments: { length: 'a list' } })),
    'a list',
  )
  const { completion } = await client.complete({
    ref: { type: 'ref/prompt', name: 'demo_summarize_notes' },
    argument: { name: 'length', value: 'one p' },
  })
  t.strictSame(completion.values, ['one paragraph'])
})

t.test('a question of one server is asked and answered, and progress is heard', async (t) => {
  const town = await setTown(t, [await demoAt(t, 'home'), await demoAt(t, 'work')])
  const client = await clientAt(t, town)
  await client.callTool({ name: 'work_add_note', arguments: { text: 'one' } })
  t.match(textOf(await client.callTool({ name: 'work_clear_notes' })), 'Deleted 1 note')
  const steps: number[] = []
  await client.callTool(
    { name: 'home_countdown', arguments: { from: 3, interval_ms: 10 } },
    { onprogress: ({ progress }) => steps.push(progress) },
  )
  t.strictSame(steps, [1, 2, 3])
})

t.test('what several servers say in the same words is said once, in the name of all of them', async (t) => {
  const town = await setTown(t, [
    await demoAt(t, 'home'),
    await serverAt(t, 'plain', () => undefined),
    await demoAt(t, 'work'),
  ])
  const { json } = await ask(town, modern('server/discover'))
  const { instructions } = json.result
  t.match(instructions, /# HOME \(home_…\), WORK \(work_…\)\n\n[^#]*Start with hello/)
  t.match(instructions, /# PLAIN \(plain_…\)\n\nThis is plain\./)
  t.equal(instructions.split('Start with hello').length, 2, 'once')
})

t.test('what it says of itself is what all can do, and how to tell them apart', async (t) => {
  const town = await setTown(t, [
    await demoAt(t, 'home'),
    await serverAt(t, 'plain', (server) => {
      server.registerTool('only', {}, () => ({ content: [] }))
    }),
  ])
  const { json } = await ask(town, modern('server/discover'))
  t.match(json.result, {
    capabilities: {
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      completions: {},
    },
    instructions: /HOME: names begin with home_.*# HOME.*Start with hello.*# PLAIN.*This is plain/s,
    cacheScope: 'private',
    _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'gatehouse' } },
  })
})
