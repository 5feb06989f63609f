// Owns the proof that no server among several can keep the others from clients by what it says of itself or lists.

import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t, { type Test } from 'tap'
import { json, startHostileUpstream } from '../../support/hostile-upstream.ts'
import { modern } from '../stage.ts'
import { ask, clientAt, demoAt, setTown, type Town } from './town.ts'

type Members = Readonly<Record<string, unknown>>

const EMPTY = { tools: [], prompts: [], resources: [], resourceTemplates: [] }

/** A server that lists what it is told to, beside a good one. */
async function scene(t: Test) {
  const told = { lists: {}, extensions: {} }
  const server = await startHostileUpstream(t)
  server.answer(({ body }, res) => {
    const { id, method } = JSON.parse(body)
    const capabilities = { tools: {}, prompts: {}, resources: {}, extensions: told.extensions }
    const said =
      method === 'server/discover'
        ? { supportedVersions: ['2026-07-28'], capabilities }
        : { ...EMPTY, ...told.lists }
    json(res, 200, { jsonrpc: '2.0', id, result: { resultType: 'complete', ...said } })
  })
  const odd = { name: 'odd', title: 'Odd', url: server.url, headers: {} }
  return { told, town: await setTown(t, [await demoAt(t, 'home'), odd]) }
}

async function oldClient(t: Test, town: Town) {
  const client = new ClientV1({ name: 'old', version: '1' })
  const headers = { authorization: `Bearer ${await town.pass()}` }
  // SDK v1 was not written for exactOptionalPropertyTypes: its own transport does not fit its own interface.
  const connectable: { connect(transport: object): Promise<void> } = client
  await connectable.connect(new TransportV1(new URL('/mcp', town.origin), { requestInit: { headers } }))
  t.teardown(() => client.close())
  return client
}

const schema = { type: 'object' }
const tool = (more: Members): Members => ({ name: 'x', inputSchema: schema, ...more })

/** Without what is needed. */
const UNREADABLE: readonly (readonly [list: string, item: Members])[] = [
  ['tools', { name: 'x' }],
  ['tools', { inputSchema: schema }],
  ['tools', tool({ name: 7 })],
  ['tools', tool({ inputSchema: {} })],
  ['tools', tool({ inputSchema: { type: 'string' } })],
  ['tools', tool({ inputSchema: { type: 'object', required: 'x' } })],
  ['tools', tool({ inputSchema: { type: 'object', properties: { a: 5 } } })],
  ['prompts', { title: 'x' }],
  ['resources', { uri: 'x:y' }],
  ['resources', { name: 'x' }],
  ['resourceTemplates', { name: 'x' }],
  ['resourceTemplates', { uriTemplate: 'x:{y}' }],
]

const prompt = (more: Members) => ({ name: 'x', ...more })
const resource = (more: Members) => ({ name: 'x', uri: 'x:y', ...more })
const template = (more: Members) => ({ name: 'x', uriTemplate: 'x:{y}', ...more })

/** What is wrong can be left out. */
const REPAIRED: readonly (readonly [list: string, make: (more: Members) => Members, wrong: Members])[] = [
  ['tools', tool, { title: 5, description: null, _meta: 'x' }],
  ['tools', tool, { annotations: 'x', icons: 'x', execution: 'x' }],
  ['tools', tool, { annotations: { readOnlyHint: 'yes' }, icons: [{ src: 5 }] }],
  ['tools', tool, { outputSchema: 'x', icons: ['x'], execution: { taskSupport: 'perhaps' } }],
  ['tools', tool, { outputSchema: { type: 'object', required: [5] } }],
  ['prompts', prompt, { arguments: 'x', title: {} }],
  ['prompts', prompt, { arguments: [{ title: 'x' }], icons: [{ src: 'x:', theme: 'pink' }] }],
  ['prompts', prompt, { arguments: [{ name: 'x', required: 'yes' }] }],
  ['resources', resource, { size: 'big', mimeType: 5 }],
  ['resources', resource, { annotations: { audience: ['everybody'] } }],
  ['resources', resource, { annotations: { lastModified: 'yesterday' } }],
  [
    'resourceTemplates',
    template,
    { annotations: { priority: 'high' }, icons: [{ src: 'x:', sizes: 'big' }] },
  ],
]

/** Left as it is. */
const GOOD: readonly (readonly [list: string, item: Members])[] = [
  [
    'tools',
    tool({
      title: 'T',
      icons: [{ src: 'https://x.example/i.png', sizes: ['48x48'], theme: 'dark' }],
      inputSchema: { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
      outputSchema: { type: 'object', properties: { b: {} } },
      annotations: { title: 'T', readOnlyHint: true },
      vendor: 'kept',
    }),
  ],
  ['prompts', prompt({ arguments: [{ name: 'a', description: 'A', required: true }] })],
  [
    'resources',
    resource({
      size: 5,
      annotations: { audience: ['user'], priority: 1, lastModified: '2026-01-02T03:04:05Z' },
    }),
  ],
  ['resourceTemplates', template({ mimeType: 'text/plain' })],
]

const METHODS: Readonly<Record<string, string>> = {
  tools: 'tools/list',
  prompts: 'prompts/list',
  resources: 'resources/list',
  resourceTemplates: 'resources/templates/list',
}

t.test('an item that no client can read is left out, or what is wrong with it', async (t) => {
  const { told, town } = await scene(t)
  const listed = async (list: string, item: Members) => {
    told.lists = { [list]: [item] }
    const { json: answer } = await ask(town, modern(METHODS[list] ?? ''))
    const items: readonly Members[] = Reflect.get(Object(answer.result), list)
    return items.filter(({ name }) => /^x$|^odd_x$/.test(String(name)))
  }
  for (const [list, item] of UNREADABLE)
    t.same(await listed(list, item), [], `${list}: ${JSON.stringify(item)}`)
  for (const [list, make, wrong] of REPAIRED) {
    const [item, ...others] = await listed(list, make(wrong))
    t.ok(item, `${list}: ${JSON.stringify(wrong)}`)
    t.same([Object.keys(wrong).filter((member) => item && member in item), others], [[], []])
  }
  for (const [list, item] of GOOD) {
    const { name: _, uri: __, uriTemplate: ___, ...rest } = item
    t.match(await listed(list, item), [rest], list)
  }
})

t.test('so the clients of both generations have the lists of the others', async (t) => {
  const { told, town } = await scene(t)
  const lists: Record<string, Members[]> = {}
  const all = [...UNREADABLE, ...REPAIRED.map(([list, make, wrong]) => [list, make(wrong)] as const), ...GOOD]
  for (const [list, item] of all) lists[list] = [...(lists[list] ?? []), item]
  told.lists = lists
  for (const client of [await clientAt(t, town), await oldClient(t, town)]) {
    const { tools } = await client.listTools()
    t.ok(tools.some(({ name }) => name === 'home_hello'))
    t.equal(tools.filter(({ name }) => name === 'odd_x').length, 6)
    const { prompts } = await client.listPrompts()
    t.equal(prompts.filter(({ name }) => name === 'odd_x').length, 4)
    t.equal((await client.listResources()).resources.filter(({ name }) => name === 'x').length, 4)
    t.equal(
      (await client.listResourceTemplates()).resourceTemplates.filter(({ name }) => name === 'x').length,
      2,
    )
  }
})

t.test('an extension that is not described as one is none', async (t) => {
  const { told, town } = await scene(t)
  told.extensions = { 'io.modelcontextprotocol/ui': 'x', 'io.modelcontextprotocol/tasks': 5 }
  t.notMatch((await clientAt(t, town)).getServerCapabilities(), { extensions: {} })
  told.extensions = { 'io.modelcontextprotocol/ui': {}, 'io.modelcontextprotocol/tasks': 5 }
  const client = await clientAt(t, town)
  t.same(client.getServerCapabilities()?.extensions, { 'io.modelcontextprotocol/ui': {} })
})

t.test('a page with more than anybody has is none, and the server is missing from the list', async (t) => {
  const { told, town } = await scene(t)
  const tools = (count: number) => ({
    tools: Array.from({ length: count }, (_, at) => tool({ name: `t ${at}` })),
  })
  told.lists = tools(10_001)
  const { json: answer } = await ask(town, modern('tools/list'))
  t.match(answer, { result: { _meta: { 'gatehouse/unavailable': [{ upstream: 'odd', reason: 'answer' }] } } })
  t.match(JSON.stringify(answer), '"home_hello"')
  const shortened = modern('tools/call', { name: 'odd_t--0123456789', arguments: {} })
  t.equal((await ask(town, shortened)).status, 502, 'nor is it gone through for a name')
  told.lists = tools(1_000)
  t.match(JSON.stringify((await ask(town, modern('tools/list'))).json), '"odd_t_999--')
})
