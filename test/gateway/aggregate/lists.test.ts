// Owns the proof that lists of several servers are whole, in order, and there even when a server is not.

import type { McpServer } from '@modelcontextprotocol/server'
import t from 'tap'
import { events, startHostileUpstream } from '../../support/hostile-upstream.ts'
import { until } from '../../support/until.ts'
import { modern } from '../stage.ts'
import { ask, clientAt, demoAt, serverAt, setTown } from './town.ts'

/** Lists two tools per page. */
function paged(count: number, ttlMs: number) {
  return (server: McpServer) => {
    server.registerTool('any', {}, () => ({ content: [] }))
    server.server.setRequestHandler('tools/list', ({ params }) => {
      const from = params?.cursor === undefined ? 0 : Number(params.cursor)
      if (!Number.isInteger(from)) throw Object.assign(new Error('Invalid cursor'), { code: -32602 })
      const numbers = [from, from + 1].filter((number) => number < count)
      const tools = numbers.map((number) => ({
        name: `tool_${number}`,
        inputSchema: { type: 'object' as const },
      }))
      return { tools, ttlMs, cacheScope: 'public', ...(from + 2 < count && { nextCursor: String(from + 2) }) }
    })
  }
}

const named = (json: unknown) =>
  JSON.stringify(json)
    .match(/"(?:a|b|c)_tool_\d/g)
    ?.map((name) => name.slice(1))

t.test('pages of several servers are one list, without gaps and without anything kept', async (t) => {
  const settings = [
    await serverAt(t, 'a', paged(5, 9000)),
    await serverAt(t, 'b', paged(1, 4000)),
    await serverAt(t, 'c', paged(3, 8000)),
  ]
  const one = await setTown(t, settings)
  const other = await setTown(t, settings)
  const first = await ask(one, modern('tools/list'))
  t.same(named(first.json), ['a_tool_0', 'a_tool_1', 'b_tool_0', 'c_tool_0', 'c_tool_1'])
  t.match(
    first.json.result,
    { ttlMs: 4000, cacheScope: 'private' },
    'as fresh as the oldest part, and private',
  )
  const cursorIn = (json: unknown) => /"nextCursor":"([^"]+)"/.exec(JSON.stringify(json))?.[1]
  const second = await ask(other, modern('tools/list', { cursor: cursorIn(first.json) }))
  t.same(named(second.json), ['a_tool_2', 'a_tool_3', 'c_tool_2'])
  t.notMatch(JSON.stringify(second.json), 'whoami')
  const third = await ask(one, modern('tools/list', { cursor: cursorIn(second.json) }))
  t.same(named(third.json), ['a_tool_4'])
  t.equal(cursorIn(third.json), undefined)
  const all = await (await clientAt(t, one)).listTools()
  t.equal(all.tools.length, 9 + 3)
  t.same(named((await ask(one, modern('tools/list'))).json), named(first.json), 'and the same each time')
})

t.test('a cursor that is none, or that a server does not take, is refused', async (t) => {
  const town = await setTown(t, [await serverAt(t, 'a', paged(5, 0)), await serverAt(t, 'b', paged(1, 0))])
  const made = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  for (const cursor of ['x', '', made(['prompts/list', ['a', '2']]), made(['tools/list', ['a', 'nonsense']])])
    t.match((await ask(town, modern('tools/list', { cursor }))).json, { error: { code: -32602 } }, cursor)
  const good = await ask(town, modern('tools/list', { cursor: made(['tools/list', ['a', '4']]) }))
  t.same(named(good.json), ['a_tool_4'])
  const foreign = await ask(town, {
    claims: { scope: 'b' },
    ...modern('tools/list', { cursor: made(['tools/list', ['a', '2']]) }),
  })
  t.notMatch(JSON.stringify(foreign.json), 'a_tool', 'and it opens nothing that the token does not')
})

t.test('a server that is down or hangs does not take the others along', async (t) => {
  const hanging = await startHostileUpstream(t)
  hanging.answer((_, res) => events(res))
  const town = await setTown(
    t,
    [
      await demoAt(t, 'home'),
      { name: 'down', title: 'Down', url: 'http://127.0.0.1:9/mcp', headers: {} },
      { name: 'hangs', title: 'Hangs', url: hanging.url, headers: {} },
      await demoAt(t, 'work'),
    ],
    { limits: { straggleMs: 2000 } },
  )
  const began = performance.now()
  const { status, json } = await ask(town, modern('tools/list'))
  t.equal(status, 200)
  t.ok(performance.now() - began < 20_000, 'it waits a moment, not longer')
  t.match(JSON.stringify(json), 'home_hello')
  t.match(JSON.stringify(json), 'work_hello')
  t.match(json.result, {
    ttlMs: 0,
    _meta: {
      'gatehouse/unavailable': [
        { upstream: 'down', reason: 'unreachable' },
        { upstream: 'hangs', reason: 'timed_out' },
      ],
    },
  })
  const { closed } = await hanging.next()
  await closed
  const called = await ask(town, modern('tools/call', { name: 'down_anything' }))
  t.equal(called.status, 502, 'a call to it fails like at its own address')
  t.equal((await ask(town, modern('tools/call', { name: 'work_list_notes' }))).status, 200)
  t.match((await ask(town, modern('server/discover'))).json.result, { capabilities: { resources: {} } })
  t.same(town.errors, [])
})

t.test(
  'a server that answers with an error is named as well, and nothing of that list is fresh',
  async (t) => {
    const settings = [await serverAt(t, 'a', paged(1, 9000)), await serverAt(t, 'b', paged(1, 9000))]
    const broken = await serverAt(t, 'c', (server) => {
      server.registerTool('any', {}, () => ({ content: [] }))
      server.server.setRequestHandler('tools/list', () => {
        throw new Error('The database is away')
      })
    })
    const { json } = await ask(await setTown(t, [...settings, broken]), modern('tools/list'))
    t.same(named(json), ['a_tool_0', 'b_tool_0'])
    t.match(json.result, {
      ttlMs: 0,
      _meta: { 'gatehouse/unavailable': [{ upstream: 'c', reason: 'answer' }] },
    })
    const whole = await ask(await setTown(t, settings), modern('tools/list'))
    t.match(whole.json.result, { ttlMs: 9000 })
    t.notMatch(JSON.stringify(whole.json), 'unavailable')
  },
)

t.test('a cursor that leads nowhere any more is no end of the list', async (t) => {
  const settings = [await serverAt(t, 'a', paged(5, 9000)), await serverAt(t, 'b', paged(1, 0))]
  const town = await setTown(t, settings)
  const first = await ask(town, modern('tools/list'))
  const cursor = /"nextCursor":"([^"]+)"/.exec(JSON.stringify(first.json))?.[1]
  const without = { ...modern('tools/list', { cursor }), claims: { scope: 'b' } }
  t.match(
    (await ask(town, without)).json,
    { error: { code: -32602 } },
    'its server is not this caller’s any more',
  )
  t.match((await ask(town, modern('tools/list', { cursor }))).json.result, { tools: [{}, {}] })
})

t.test(
  'what an upstream says of how long it is good is said in the way that clients understand',
  async (t) => {
    const read = (ttlMs: unknown) => (server: McpServer) => {
      server.registerResource('any', 'test://any', {}, () => ({ contents: [] }))
      // What the SDK would not let out.
      server.server.setRequestHandler('resources/read', () =>
        JSON.parse(JSON.stringify({ contents: [], ttlMs })),
      )
    }
    const settings = [await serverAt(t, 'a', read(7000)), await serverAt(t, 'b', read(-5))]
    const town = await setTown(t, settings)
    for (const [name, ttlMs] of [
      ['a', 7000],
      ['b', 0],
    ] as const) {
      const { json } = await ask(town, modern('resources/read', { uri: `mcp+${name}+test://any` }))
      t.match(json.result, { ttlMs, cacheScope: 'private' }, name)
    }
  },
)

/** So long that nothing else takes as long, on a busy machine either. */
const STRAGGLE_MS = 6000

t.test('a server that does not answer is waited for once, and is there again when it answers', async (t) => {
  const hanging = await startHostileUpstream(t)
  hanging.answer((_, res) => events(res))
  const ready = Promise.withResolvers<void>()
  const slow = await serverAt(t, 'slow', (server) => {
    server.registerTool('any', {}, () => ({ content: [] }))
    server.server.setRequestHandler('tools/list', async () => {
      await ready.promise
      return { tools: [{ name: 'late', inputSchema: { type: 'object' as const } }] }
    })
  })
  const hangs = { name: 'hangs', title: 'Hangs', url: hanging.url, headers: {} }
  const town = await setTown(t, [hangs, slow, await demoAt(t, 'home')], {
    limits: { straggleMs: STRAGGLE_MS },
  })
  const timed = async (method: string) => {
    const began = performance.now()
    const { json } = await ask(town, modern(method))
    return { ms: performance.now() - began, text: JSON.stringify(json) }
  }

  const discovered = await timed('server/discover')
  t.match(discovered.text, 'home_')
  t.ok(discovered.ms < STRAGGLE_MS, 'clients that ask for the revision first do not wait for long')
  const first = await timed('tools/list')
  t.match(first.text, 'home_hello')
  for (const method of ['tools/list', 'prompts/list', 'server/discover', 'tools/list']) {
    const { ms, text } = await timed(method)
    t.ok(ms < STRAGGLE_MS, `${method} took ${ms} ms`)
    t.match(text, 'home_')
    t.notMatch(text, 'slow_late')
  }

  ready.resolve()
  await until('the server is there again', async () => (await timed('tools/list')).text.includes('slow_late'))
  t.same(town.errors, [])
})

t.test('a server without prompts or resources is no hole in their lists', async (t) => {
  const town = await setTown(t, [await serverAt(t, 'a', paged(1, 1000)), await demoAt(t, 'home')])
  for (const [method, what] of [
    ['prompts/list', 'home_summarize_notes'],
    ['resources/list', 'mcp+home+demo://about'],
    ['resources/templates/list', 'resourceTemplates'],
  ] as const) {
    const { json } = await ask(town, modern(method))
    t.match(JSON.stringify(json), what)
    t.notMatch(JSON.stringify(json), 'unavailable')
  }
})
