// Owns the table of every client at every kind of upstream: what each can do, directly and through all upstreams as one.

import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { SDK_CLIENTS, type SdkClient } from '../support/calling-clients.ts'
import { build } from '../support/gatehouse.ts'
import { errorsIn } from '../support/lines.ts'
import { connect } from '../support/sign-in.ts'
import { startSseServer } from '../support/sse-server.ts'
import { until } from '../support/until.ts'
import { startWorkshopApi } from '../support/workshop/api.ts'
import { noCounts, PLAN, PLAN_URI, STEPS } from '../support/workshop/plan.ts'
import { buildWorkshopV1 } from '../support/workshop/v1.ts'
import { startWorkshopV1 } from '../support/workshop/v1-http.ts'
import { startWorkshopV2 } from '../support/workshop/v2.ts'

const ALICE = 'alice@example.com'
const PROGRAM = fileURLToPath(new URL('../support/workshop/v1-program.ts', import.meta.url))

const EVERYTHING = ['progress', 'prompts', 'resources', 'questions', 'changes'] as const
type Ability = (typeof EVERYTHING)[number] | 'asides'

/** Beside tools, their results and errors, and cancelling, which all of them have. */
const KINDS = {
  'v1-http': ['of the SDK v1 over Streamable HTTP, with sessions', [...EVERYTHING, 'asides']],
  'v2-modern': ['of the SDK v2 that speaks 2026-07-28 alone', EVERYTHING],
  'v2-both': ['of the SDK v2 that speaks both eras', EVERYTHING],
  'v1-sse': ['over HTTP+SSE, as of 2024-11-05', [...EVERYTHING, 'asides']],
  'v1-stdio': ['that is a program', [...EVERYTHING, 'asides']],
  api: ['that is an HTTP API', []],
} as const satisfies Readonly<Record<string, readonly [said: string, can: readonly Ability[]]>>

/** A client at one upstream, and what the upstream's things are called there. */
interface Cell {
  readonly client: SdkClient
  readonly tool: (name: string) => string
  readonly uri: (uri: string) => string
}

interface Row {
  readonly does: string
  readonly needs?: Ability
  readonly act: (t: Test, cell: Cell) => Promise<void>
  /** What it is told where the upstream has no such thing. */
  readonly without?: (t: Test, cell: Cell) => Promise<void>
}

const ROWS: readonly Row[] = [
  {
    does: 'lists the tools',
    async act(t, { client, tool }) {
      const tools = await client.tools()
      for (const name of ['add', 'fail', 'wait']) t.ok(tools.includes(tool(name)), name)
    },
  },
  {
    does: 'calls a tool with arguments and gets a structured result',
    async act(t, { client, tool }) {
      t.match(await client.call(tool('add'), { a: 2, b: 3 }), { structured: { sum: 5 }, isError: false })
    },
  },
  {
    does: 'is told the error of a tool as a result',
    async act(t, { client, tool }) {
      t.match(await client.call(tool('fail')), { text: /The saw is broken/, isError: true })
    },
  },
  {
    does: 'is refused a tool that is not there',
    async act(t, { client, tool }) {
      const answer = await client.call(tool('no_such_tool')).catch(() => null)
      t.ok(answer === null || answer.isError, 'as an error or as a result with one')
    },
  },
  {
    does: 'gives up a long call, and the upstream hears of it',
    async act(t, { client, tool }) {
      const waits = async () => Object((await client.call(tool('waits'))).structured)
      const before = await waits()
      const leaving = new AbortController()
      const call = client.call(tool('wait'), {}, { signal: leaving.signal })
      const over = t.rejects(call)
      await until('it waits', async () => (await waits()).waiting > before.waiting)
      leaving.abort()
      await over
      await until('it was given up', async () => (await waits()).givenUp > before.givenUp)
    },
  },
  {
    does: 'hears progress in order',
    needs: 'progress',
    async act(t, { client, tool }) {
      const heard: number[] = []
      await client.call(tool('steps'), {}, { onprogress: (at) => heard.push(at) })
      t.same(
        heard,
        Array.from({ length: STEPS }, (_, at) => at + 1),
      )
    },
  },
  {
    does: 'lists prompts and gets one with its argument',
    needs: 'prompts',
    async act(t, { client, tool }) {
      t.ok((await client.prompts()).includes(tool('review')))
      t.equal(await client.prompt(tool('review'), { topic: 'bench' }), 'Review the bench.')
    },
    async without(t, { client, tool }) {
      await t.rejects(client.prompt(tool('review'), { topic: 'bench' }))
    },
  },
  {
    does: 'lists resources and reads one',
    needs: 'resources',
    async act(t, { client, uri }) {
      t.ok((await client.resources()).includes(uri(PLAN_URI)))
      t.equal(await client.read(uri(PLAN_URI)), `${uri(PLAN_URI)} ${PLAN}`)
    },
    async without(t, { client, uri }) {
      await t.rejects(client.read(uri(PLAN_URI)))
    },
  },
  {
    does: 'is asked in the middle of a call, and the call goes on with the answer',
    needs: 'questions',
    async act(t, { client, tool }) {
      t.match(await client.call(tool('ask')), { text: 'accept: green', isError: false })
    },
  },
  {
    does: 'is asked what belongs to no call, as servers of the SDK v1 ask',
    needs: 'asides',
    async act(t, { client, tool }) {
      t.match(await client.call(tool('ask_aside')), { text: 'accept: green', isError: false })
    },
  },
  {
    does: 'hears that the tools changed, and a resource, and sees the new list',
    needs: 'changes',
    async act(t, { client, tool, uri }) {
      const hasLate = async () => (await client.tools()).includes(tool('late'))
      const before = await hasLate()
      await client.watch(uri(PLAN_URI))
      client.heard.length = 0
      t.match(await client.call(tool('change')), { isError: false })
      await until('the change of the tools', () => client.heard.includes('tools'))
      await until('the change of the resource', () => client.heard.includes(uri(PLAN_URI)))
      await until('the list is new', async () => (await hasLate()) !== before)
    },
  },
]

async function startAll(t: Test) {
  const old = await startSseServer(() => buildWorkshopV1(counts))
  const counts = noCounts()
  t.teardown(() => old.close())
  const upstreams = {
    'v1-http': { url: await startWorkshopV1(t) },
    'v2-modern': { url: await startWorkshopV2(t, ['modern']) },
    'v2-both': { url: await startWorkshopV2(t, ['legacy', 'modern']) },
    'v1-sse': { type: 'sse', url: old.url },
    'v1-stdio': { command: process.execPath, args: [PROGRAM] },
    api: { openapi: await startWorkshopApi(t) },
  }
  const running = await build(t, { env: { UPSTREAMS: JSON.stringify(upstreams) } })
  await running.createPerson(ALICE)
  const browser = running.browser()
  const tokenFor = async (resource: string, scope: string) =>
    (await connect(running.origin, browser, ALICE, { parameters: { resource, scope } })).accessToken
  return { ...running, tokenFor }
}

const answer = async () => ({ color: 'green' })

/** Whatever it says, one row after the other: each begins where the one before has ended. */
async function goThrough(t: Test, can: readonly Ability[], cell: Cell): Promise<void> {
  for (const { does, needs, act, without } of ROWS) {
    if (needs === undefined || can.includes(needs)) await t.test(does, (t) => act(t, cell))
    else if (without)
      await t.test(`is refused, where there is no such thing: ${does}`, (t) => without(t, cell))
  }
}

t.test('every client at every kind of upstream', async (t) => {
  const { origin, tokenFor, log } = await startAll(t)
  const scopes = Object.keys(KINDS).join(' ')
  const all = await tokenFor(`${origin}/mcp`, scopes)

  for (const [name, [said, can]] of Object.entries(KINDS)) {
    const own = await tokenFor(`${origin}/mcp/${name}`, name)
    for (const [who, start] of SDK_CLIENTS) {
      await t.test(`${who} at an upstream ${said}`, async (t) => {
        const client = await start(`${origin}/mcp/${name}`, own, answer)
        t.teardown(() => client.close())
        await goThrough(t, can, { client, tool: (tool) => tool, uri: (uri) => uri })
      })
    }
  }

  for (const [who, start] of SDK_CLIENTS) {
    const client = await start(`${origin}/mcp`, all, answer)
    t.teardown(() => client.close())
    for (const [name, [said, can]] of Object.entries(KINDS))
      await t.test(`${who} at all upstreams as one, with one ${said}`, (t) =>
        goThrough(t, can, {
          client,
          tool: (tool) => `${name}_${tool}`,
          uri: (uri) => `mcp+${name}+${uri}`,
        }),
      )
  }
  t.same(errorsIn(log()), [], 'nothing went wrong unseen')
})
