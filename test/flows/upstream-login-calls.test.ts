// Owns calls to upstreams that want a login: a call asks for it, its own person gives it, and the call goes on.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import t from 'tap'
import * as z from 'zod'
import type { Browser } from '../support/browser.ts'
import type { Teardown } from '../support/database.ts'
import { startGuardedUpstream } from '../support/guarded-upstream.ts'
import { connect } from '../support/sign-in.ts'
import { logIn, logInThere, open, startBefore } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'
const INFO = { name: 'Tester', version: '1.0.0' }
const SCOPE = { parameters: { scope: 'notion' } }

/** What a client does with a link that it is asked to open. */
type Open = (url: string) => Promise<void>

interface Caller {
  tools(): Promise<readonly string[]>
  call(name: string): Promise<{ readonly text: string; readonly isError: boolean }>
}

const result = z.object({
  content: z.array(z.object({ text: z.string() })),
  isError: z.boolean().default(false),
})

function readResult(answer: unknown) {
  const { content, isError } = result.parse(answer)
  return { text: content.map(({ text }) => text).join(), isError }
}

type Start = (t: Teardown, url: string, token: string, open?: Open) => Promise<Caller>

const startV2 =
  (versionNegotiation: object): Start =>
  async (t, url, token, open) => {
    const capabilities = open ? { elicitation: { form: {}, url: {} } } : {}
    const client = new Client(INFO, { capabilities, versionNegotiation })
    if (open)
      client.setRequestHandler('elicitation/create', async ({ params }) => {
        if (params.mode === 'url') await open(params.url)
        return { action: 'accept' }
      })
    const requestInit = { headers: { authorization: `Bearer ${token}` } }
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }))
    t.teardown(() => client.close())
    return {
      tools: async () => (await client.listTools()).tools.map(({ name }) => name),
      call: async (name) => readResult(await client.callTool({ name, arguments: {} })),
    }
  }

const startV1: Start = async (t, url, token, open) => {
  const capabilities = open ? { elicitation: { form: {}, url: {} } } : {}
  const client = new ClientV1(INFO, { capabilities })
  if (open)
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
      if (params.mode === 'url') await open(params.url)
      return { action: 'accept' }
    })
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  await client.connect(new TransportV1(new URL(url), { requestInit }))
  t.teardown(() => client.close())
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name) => readResult(await client.callTool({ name, arguments: {} })),
  }
}

const CLIENTS: readonly (readonly [string, Start])[] = [
  ['SDK v2, 2026-07-28', startV2({ mode: { pin: '2026-07-28' } })],
  ['SDK v2, 2025 era', startV2({ mode: 'legacy' })],
  ['SDK v1', startV1],
]

async function follow(desk: Browser, link: string): Promise<void> {
  const page = await desk.open(link)
  const away = await desk.submit(page, {}, undefined, 'form[action="/connect/notion"]')
  await desk.open(await logInThere(away.url))
}

for (const [name, start] of CLIENTS) {
  t.test(`a call asks for the login, and has its answer after it (${name})`, async (t) => {
    const upstream = await startGuardedUpstream(t, 'open')
    const running = await startBefore(t, upstream, { type: 'oauth2' })
    const { origin, browser, createPerson } = running
    await createPerson(BOB)
    const [desk, foreign] = [browser(), browser()]
    const { accessToken } = await connect(origin, desk, ALICE, SCOPE)
    await open(origin, foreign, '/account', BOB)
    const opened: string[] = []
    const client = await start(t, `${origin}/mcp`, accessToken, async (url) => {
      opened.push(url)
      const refused = await foreign.open(url)
      t.equal(refused.status, 403)
      t.match(refused.body, 'This link is for another account')
      await follow(desk, url)
    })
    t.same(await client.tools(), ['connect_notion'], 'before there is a login')

    const answer = await client.call('me')

    t.same(answer, { text: 'you are carol', isError: false })
    t.equal(opened.length, 1)
    t.match(opened[0], `${origin}/connect/notion?for=`)
    t.notMatch(opened[0], 'usr_', 'the link says nothing about whose it is')
    t.same(await client.tools(), ['me'])
    t.same(await client.call('me'), { text: 'you are carol', isError: false })
    t.equal(opened.length, 1)
  })

  t.test(`a client that opens no links gets a text with it (${name})`, async (t) => {
    const upstream = await startGuardedUpstream(t, 'open')
    const running = await startBefore(t, upstream, { type: 'oauth2' })
    const { origin, browser } = running
    const desk = browser()
    const { accessToken } = await connect(origin, desk, ALICE, SCOPE)
    const client = await start(t, `${origin}/mcp`, accessToken)

    const { text, isError } = await client.call('connect_notion')

    t.equal(isError, true)
    const link = /http\S+$/.exec(text)?.[0] ?? ''
    await follow(desk, link)
    t.same(await client.call('me'), { text: 'you are carol', isError: false })
  })
}

for (const [name, start] of CLIENTS) {
  t.test(`a token that the upstream does not accept is renewed, once for everybody (${name})`, async (t) => {
    const upstream = await startGuardedUpstream(t, 'open')
    const running = await startBefore(t, upstream, { type: 'oauth2' })
    const { origin, browser } = running
    const desk = browser()
    const { accessToken } = await connect(origin, desk, ALICE, SCOPE)
    await logIn(running, desk)
    const client = await start(t, `${origin}/mcp`, accessToken)
    t.match(await client.call('me'), { text: 'you are carol' })

    await upstream.control({ end: 'access' })
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.call('me')))

    t.ok(answers.every(({ text }) => text === 'you are carol'))
    t.match(await upstream.control(), { refreshes: 1 })
  })
}
