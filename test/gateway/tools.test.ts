// Owns the proof that an upstream is asked for its tools rarely, completely, and believed only when it answers.

import { McpServer } from '@modelcontextprotocol/server'
import t from 'tap'
import * as z from 'zod'
import { createRegistry, type Upstream } from '../../src/upstreams/registry.ts'
import { createToolCatalogue } from '../../src/upstreams/tools.ts'
import { json, type Script, startHostileUpstream } from '../support/hostile-upstream.ts'
import { openLinks, type Teardown } from '../support/links.ts'
import { callerOf, sendError, sendResult, servePlainly } from '../upstreams/peers.ts'
import { serveMcp } from './mcp-upstream.ts'

function upstreamAt(url: string) {
  const settings = { name: 'notes', title: 'Notes', url, headers: {} }
  const [upstream] = createRegistry([settings], 'https://gate.example').upstreams()
  if (!upstream) throw new Error('no such upstream')
  return upstream
}

function catalogue(t: Teardown) {
  const errors: unknown[] = []
  const clock = { now: 1_000_000 }
  const links = openLinks(t)
  const { toolsOf } = createToolCatalogue({
    peerOf: links.peerOf,
    report: (error) => void errors.push(error),
    clock: () => clock.now,
  })
  const readOnlyTools = async (upstream: Upstream, asked: readonly string[]) => {
    const tools = [...(await toolsOf(upstream, asked)).values()]
    return new Set(tools.filter(({ readOnly }) => readOnly).map(({ name }) => name))
  }
  return { toolsOf, readOnlyTools, errors, clock, links }
}

interface Listed {
  readonly name: string
  readonly annotations?: object
}

/** A modern upstream whose tools are these pages; how often it was asked for the first one. */
async function listing(
  t: Parameters<typeof startHostileUpstream>[0],
  pages: () => readonly (readonly Listed[])[],
) {
  const upstream = await startHostileUpstream(t)
  const asked = { times: 0 }
  const results: Record<string, (params: { cursor?: string }) => object> = {
    'server/discover': () => ({ supportedVersions: ['2026-07-28'], capabilities: { tools: {} } }),
    'tools/list': ({ cursor = '0' }) => {
      if (cursor === '0') asked.times++
      const [page = [], next] = pages().slice(Number(cursor))
      const tools = page.map((tool) => ({ inputSchema: { type: 'object' }, ...tool }))
      return { tools, ...(next && { nextCursor: String(Number(cursor) + 1) }) }
    },
  }
  const script: Script = (arrival, res) => {
    const { id, method, params } = JSON.parse(arrival.body)
    const result = { resultType: 'complete', ttlMs: 0, cacheScope: 'private', ...results[method]?.(params) }
    json(res, 200, { jsonrpc: '2.0', id, result })
  }
  upstream.answer(script)
  return { upstream, asked, entry: upstreamAt(upstream.url) }
}

const reads = { readOnlyHint: true }

t.test('all pages are read, and only what says so is read-only', async (t) => {
  const { entry } = await listing(t, () => [
    [{ name: 'a', annotations: reads }, { name: 'b' }],
    [
      { name: 'c', annotations: { readOnlyHint: false } },
      { name: 'twice', annotations: reads },
    ],
    [{ name: 'd', annotations: reads }, { name: 'twice' }],
  ])
  const { readOnlyTools, errors } = catalogue(t)
  t.same([...(await readOnlyTools(entry, ['a']))].sort(), ['a', 'd'])
  t.same(errors, [])
})

t.test('it is asked once for many calls, again after a while, and soon for a name that is new', async (t) => {
  let tools: readonly Listed[] = [{ name: 'a', annotations: reads }]
  const { entry, asked } = await listing(t, () => [tools])
  const { readOnlyTools, clock } = catalogue(t)
  await Promise.all(Array.from({ length: 20 }, () => readOnlyTools(entry, ['a'])))
  t.equal(asked.times, 1)
  tools = [{ name: 'a' }, { name: 'b', annotations: reads }]
  clock.now += 4_000
  t.same([...(await readOnlyTools(entry, ['b']))], ['a'], 'not at once')
  clock.now += 2_000
  t.same([...(await readOnlyTools(entry, ['b']))], ['b'], 'a new name is a reason to ask')
  t.equal(asked.times, 2)
  clock.now += 30_000
  await readOnlyTools(entry, ['b'])
  t.equal(asked.times, 2)
  clock.now += 31_000
  await readOnlyTools(entry, ['b'])
  t.equal(asked.times, 3)
})

t.test('an upstream that does not tell has no read-only tools, until it does', async (t) => {
  const { upstream, entry } = await listing(t, () => [[{ name: 'a', annotations: reads }]])
  const { readOnlyTools, errors, clock } = catalogue(t)
  t.equal((await readOnlyTools(entry, ['a'])).size, 1)
  const bad: Record<string, Script> = {
    refuses: (_, res) => res.writeHead(500).end(),
    'breaks off': (_, res) => void res.socket?.destroy(),
    'answers nonsense': (_, res) => res.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    'wants credentials': (_, res) => res.writeHead(401).end(),
  }
  for (const [what, script] of Object.entries(bad)) {
    upstream.answer(script)
    clock.now += 61_000
    t.equal((await readOnlyTools(entry, ['a'])).size, 0, what)
  }
  t.equal(errors.length, 4)
})

t.test('pages that never end are given up', async (t) => {
  const { entry } = await listing(t, () =>
    Array.from({ length: 1000 }, (_, at) => [{ name: `t${at}`, annotations: reads }]),
  )
  const { readOnlyTools, errors } = catalogue(t)
  t.equal((await readOnlyTools(entry, ['t1'])).size, 0)
  t.equal(errors.length, 1)
})

t.test('a legacy session that was opened for the list is ended with the links', async (t) => {
  const build = () => {
    const server = new McpServer({ name: 'tools', version: '1' })
    const config = { description: 'reads', inputSchema: z.object({}), annotations: reads }
    server.registerTool('a', config, async () => ({ content: [] }))
    return server
  }
  const upstream = await serveMcp(t, build, 'legacy')
  const { readOnlyTools, errors, links } = catalogue(t)
  t.same([...(await readOnlyTools(upstreamAt(upstream.url), ['a']))], ['a'])
  t.same(errors, [])
  t.equal(upstream.sessions(), 1)
  await links.close()
  t.equal(upstream.sessions(), 0)
})

t.test('a list that is too large is not read to its end', async (t) => {
  const description = 'x'.repeat(1024 * 1024)
  const page = (size: number) => [
    Array.from({ length: size }, (_, at) => ({ name: `t${at}`, description, annotations: reads })),
  ]
  let size = 20
  const { entry } = await listing(t, () => page(size))
  const { readOnlyTools, errors, clock } = catalogue(t)
  t.equal((await readOnlyTools(entry, ['t1'])).size, 0)
  t.equal(errors.length, 1)
  size = 2
  clock.now += 6_000
  t.equal((await readOnlyTools(entry, ['t1'])).size, 2)
})

t.test(
  'an upstream that lists for nobody but its own people is asked in the name of who calls',
  async (t) => {
    const plain = await servePlainly(t, (received) => {
      const { body, req, res } = received
      if (req.headers.authorization !== 'Bearer usr_alice') res.writeHead(401).end()
      else if (body.method === 'server/discover')
        sendResult(received, { supportedVersions: ['2026-07-28'], capabilities: {} })
      else if (body.method === 'tools/list')
        sendResult(received, { tools: [{ name: 'a', annotations: reads }] })
      else sendError(received, 400, -32022, { supported: ['2026-07-28'] })
    })
    const links = openLinks(t, {
      credentialFor: ({ subject }) => ({ kind: 'header', name: 'authorization', value: `Bearer ${subject}` }),
    })
    const clock = { now: 0 }
    const { toolsOf } = createToolCatalogue({
      peerOf: links.peerOf,
      report: () => undefined,
      clock: () => clock.now,
    })
    const entry = upstreamAt(plain.url)
    t.same([...(await toolsOf(entry)).keys()], [])
    clock.now += 6_000
    t.same([...(await toolsOf(entry, ['a'], callerOf('usr_alice'))).keys()], ['a'])
  },
)
