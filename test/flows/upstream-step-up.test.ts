// Owns calls for which the login at an upstream does not reach: the person is asked for more, and what there was stays.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer } from '@modelcontextprotocol/server'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { createEndpoint, type Era } from '../../src/demo/endpoint.ts'
import { listen } from '../../src/demo/listen.ts'
import { SDK_CLIENTS } from '../support/calling-clients.ts'
import { build } from '../support/gatehouse.ts'
import { type PickyUpstream, startPickyUpstream } from '../support/picky-upstream.ts'
import { SHOP_3_0, startShop } from '../support/shop-api.ts'
import { connect } from '../support/sign-in.ts'
import { startSseServer } from '../support/sse-server.ts'
import { LOGIN, open } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'
const NEEDED = { write: 'files:write', never: 'files:never' }
const TOOLS = ['read', 'write', 'never'] as const
const BOTH: readonly Era[] = ['legacy', 'modern']
const NOT_ALLOWED = /does not allow this with the login that there is/

const done = (name: string) => ({ content: [{ type: 'text' as const, text: `${name} done` }] })

async function startFiles(t: Test, eras: readonly Era[] = BOTH): Promise<PickyUpstream> {
  const endpoint = createEndpoint(
    () => {
      const server = new McpServer({ name: 'picky', version: '1' }, { capabilities: { tools: {} } })
      for (const name of TOOLS)
        server.registerTool(name, { inputSchema: z.object({}) }, async () => done(name))
      return server
    },
    { eras: new Set(eras) },
  )
  const { url, close } = await listen(endpoint, '127.0.0.1', 0)
  t.teardown(close)
  return startPickyUpstream(t, new URL(url).origin, NEEDED)
}

async function startOldFiles(t: Test): Promise<PickyUpstream> {
  const { url, close } = await startSseServer(() => {
    const server = new McpServerV1({ name: 'picky', version: '1' })
    for (const name of TOOLS) server.registerTool(name, {}, () => done(name))
    return server
  })
  t.teardown(close)
  return startPickyUpstream(t, new URL(url).origin, NEEDED)
}

/** Alice has logged in with `files:read`; `follow` is her way from a link to more. */
async function logInBefore(t: Test, there: PickyUpstream, upstream: object) {
  const UPSTREAMS = JSON.stringify({ notion: { ...upstream, auth: there.auth } })
  const { origin, browser, createPerson, db, log } = await build(t, { env: { UPSTREAMS } })
  await createPerson(ALICE)
  const desk = browser()
  const { accessToken } = await connect(origin, desk, ALICE, { parameters: { scope: 'notion' } })
  const follow = async (link: string) => {
    const away = await desk.submit(await desk.open(link), {}, undefined, LOGIN)
    const back = await fetch(away.url, { redirect: 'manual' })
    await desk.open(back.headers.get('location') ?? '')
  }
  await open(origin, desk, '/account')
  await follow(`${origin}/connect/notion`)
  return { url: `${origin}/mcp`, accessToken, follow, db, log }
}

type Kind = readonly [
  name: string,
  start: (t: Test) => Promise<readonly [PickyUpstream, object]>,
  /** Of the tool that needs more, and of the one for which there never is enough. */
  names: readonly [string, string],
]

async function startApi(t: Test): Promise<readonly [PickyUpstream, object]> {
  const shop = await startShop(t)
  shop.serve(SHOP_3_0)
  shop.answer((res, { method }) => res.writeHead(200, { 'content-type': 'text/plain' }).end(`${method} done`))
  const needed = { 'POST /pets': 'files:write', 'DELETE /pets/1': 'files:never' }
  const there = await startPickyUpstream(t, shop.origin, needed)
  return [there, { openapi: `${shop.origin}/openapi`, url: there.origin, writes: true }]
}

const KINDS: readonly Kind[] = [
  [
    'both eras',
    async (t) => {
      const there = await startFiles(t)
      return [there, { url: `${there.origin}/mcp` }]
    },
    ['write', 'never'],
  ],
  [
    'the 2025 era alone',
    async (t) => {
      const there = await startFiles(t, ['legacy'])
      return [there, { url: `${there.origin}/mcp` }]
    },
    ['write', 'never'],
  ],
  [
    'HTTP+SSE',
    async (t) => {
      const there = await startOldFiles(t)
      return [there, { type: 'sse', url: `${there.origin}/sse` }]
    },
    ['write', 'never'],
  ],
  ['OpenAPI', startApi, ['addPet', 'deletePet']],
]

const ARGUMENTS: Readonly<Record<string, Record<string, unknown>>> = {
  addPet: { body: { name: 'Tom' } },
  deletePet: { petId: '1' },
}

/** Sessions of the 2025 era pass untouched where the upstream speaks it, and are asked in another way: see below. */
const passesThrough = (client: string, upstream: string) =>
  client !== 'the SDK v2 of 2026-07-28' && ['both eras', 'the 2025 era alone'].includes(upstream)

for (const [upstream, start, [more, never]] of KINDS) {
  for (const [who, startClient] of SDK_CLIENTS) {
    if (passesThrough(who, upstream)) continue
    t.test(`a call that needs more than the login has asks for it once (${upstream}, ${who})`, async (t) => {
      const [there, settings] = await start(t)
      const { url, accessToken, follow, db } = await logInBefore(t, there, settings)
      const messages: string[] = []
      const client = await startClient(url, accessToken, async ({ message, url: link }) => {
        messages.push(message)
        await follow(link ?? '')
        return {}
      })
      t.teardown(() => client.close())
      const call = async (name: string) => (await client.call(name, ARGUMENTS[name])).text
      t.same(messages, [])

      t.match(await call(more), 'done')

      t.equal(messages.length, 1)
      t.match(messages[0], 'wants you to allow more for this')
      t.same(there.asked, ['files:read', 'files:read files:write'])
      t.match(await call(never), NOT_ALLOWED)
      t.equal(messages.length, 2, 'and nobody is sent in circles')
      t.match(await call(never), NOT_ALLOWED)
      t.equal(messages.length, 2, 'what was asked for and not given is not asked for again')
      t.match(await call(more), 'done', 'what there was is as good as before')
      const rows = await db.selectFrom('upstream_connections').select('state').execute()
      t.same(rows, [{ state: 'connected' }])
    })
  }
}

const text = z.object({ content: z.array(z.object({ text: z.string() })), isError: z.boolean().optional() })
const required = z.object({
  code: z.literal(-32042),
  data: z.object({
    elicitations: z.array(z.object({ mode: z.literal('url'), url: z.string(), elicitationId: z.string() })),
  }),
})

/** A client of the 2025 era whose session passes through. `links`: it can be sent to one. */
type StartPassing = (
  t: Test,
  url: string,
  token: string,
  links: boolean,
) => Promise<(name: string) => Promise<unknown>>

const capabilitiesOf = (links: boolean) => (links ? { elicitation: { form: {}, url: {} } } : {})
const PASSING: readonly (readonly [string, StartPassing])[] = [
  [
    'the SDK v1',
    async (t, url, token, links) => {
      const client = new ClientV1({ name: 'Tester', version: '1' }, { capabilities: capabilitiesOf(links) })
      const requestInit = { headers: { authorization: `Bearer ${token}` } }
      await client.connect(new TransportV1(new URL(url), { requestInit }))
      t.teardown(() => client.close())
      return (name) => client.callTool({ name, arguments: {} })
    },
  ],
  [
    'the SDK v2 in the 2025 era',
    async (t, url, token, links) => {
      const client = new Client(
        { name: 'Tester', version: '1' },
        { capabilities: capabilitiesOf(links), versionNegotiation: { mode: 'legacy' } },
      )
      const requestInit = { headers: { authorization: `Bearer ${token}` } }
      await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }))
      t.teardown(() => client.close())
      return (name) => client.callTool({ name, arguments: {} })
    },
  ],
]

for (const [who, start] of PASSING) {
  t.test(
    `a session that passes through is told which link to open, and its call works then (${who})`,
    async (t) => {
      const there = await startFiles(t, ['legacy'])
      const { url, accessToken, follow, log } = await logInBefore(t, there, { url: `${there.origin}/mcp` })
      const call = await start(t, url, accessToken, true)
      const linkOf = async (name: string) => {
        const error = required.parse(await call(name).catch((thrown: unknown) => thrown))
        return error.data.elicitations[0]?.url ?? ''
      }
      t.match(await call('read'), done('read'))

      const link = await linkOf('write')
      t.match(link, '/connect/notion?for=')
      t.match(log(), /"reason":"upstream_credentials"/)
      await follow(link)

      t.match(await call('write'), done('write'))
      t.same(there.asked, ['files:read', 'files:read files:write'])
      await follow(await linkOf('never'))
      t.match(text.parse(await call('never')), { isError: true, content: [{ text: NOT_ALLOWED }] })
      t.match(await call('write'), done('write'))

      there.end()
      await follow(await linkOf('read'))
      t.match(await call('read'), done('read'), 'a login that ends is asked for in the same way')
    },
  )

  t.test(`who opens no links gets them as the result of the tool (${who})`, async (t) => {
    const there = await startFiles(t, ['legacy'])
    const { url, accessToken, follow } = await logInBefore(t, there, { url: `${there.origin}/mcp` })
    const call = await start(t, url, accessToken, false)
    const linkOf = async (name: string) => {
      const { isError, content } = text.parse(await call(name))
      t.equal(isError, true)
      return /http\S+$/.exec(content[0]?.text ?? '')?.[0] ?? ''
    }

    await follow(await linkOf('write'))

    t.match(await call('write'), done('write'))
    await follow(await linkOf('never'))
    const again = text.parse(await call('never'))
    t.match(again, { isError: true, content: [{ text: NOT_ALLOWED }] })
    there.end()
    await follow(await linkOf('read'))
    t.match(await call('read'), done('read'))
  })
}
