// Owns the proof that nothing is left behind by streams and calls, however many there were. SOAK=10000 makes it the long version.

import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { createListeners } from '../bench/gateway/listeners.ts'
import { callOf, type McpRequest } from '../bench/gateway/request.ts'
import { createBrowser } from '../support/browser.ts'
import { createTestDatabase } from '../support/database.ts'
import { startEverythingServer } from '../support/everything-server.ts'
import { createPerson } from '../support/gatehouse.ts'
import { type Inspector, inspect } from '../support/inspector.ts'
import { freePort } from '../support/local-server.ts'
import { serve } from '../support/process.ts'
import { connect } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { startWorkshopV2 } from '../support/workshop/v2.ts'

const SOAK = Number(process.env.SOAK ?? 100)
const AT_ONCE = 20
const ALICE = 'alice@example.com'
const PROGRAM = fileURLToPath(new URL('../support/workshop/v1-program.ts', import.meta.url))
const ADD = callOf('add', { a: 2, b: 3 })
/** Connections that nobody uses are closed after four seconds. */
const SETTLING_MS = 6_000
/** What tables that grow in steps, and code that is compiled meanwhile, may take. */
const HEAP_SLACK_BYTES = 6 * 1024 * 1024

t.setTimeout(240_000 + SOAK * 100)

interface Stage {
  readonly origin: string
  readonly inspector: Inspector
  readonly sessionsAtUpstream: () => number
  tokenFor(upstream: string): Promise<string>
}

async function setStage(t: Test): Promise<Stage> {
  const { config, db } = await createTestDatabase(t)
  if (config.kind !== 'postgres') throw new Error('not PostgreSQL')
  const everything = await startEverythingServer({ eras: new Set(['legacy']) })
  t.teardown(everything.close)
  const upstreams = {
    modern: { url: await startWorkshopV2(t, ['modern']) },
    legacy: { url: everything.url },
    program: { command: process.execPath, args: [PROGRAM] },
  }
  const port = String(await freePort())
  const origin = `http://localhost:${port}`
  const inspectorPort = await freePort()
  const { pid } = await serve(t, {
    PORT: port,
    PUBLIC_URL: origin,
    DATABASE_URL: config.url,
    SECRET_KEY: randomBytes(32).toString('base64url'),
    UPSTREAMS: JSON.stringify({ mcpServers: upstreams }),
    ACCESS_TOKEN_TTL: '1h',
    RATE_PER_PERSON: 'off',
    NODE_OPTIONS: `--inspect-port=${inspectorPort}`,
  })
  await createPerson(db, ALICE)
  const browser = createBrowser(origin)
  const inspector = await inspect(pid, inspectorPort)
  t.teardown(() => inspector.close())
  const tokenFor = async (upstream: string) => {
    const parameters = { resource: `${origin}/mcp/${upstream}`, scope: upstream }
    return (await connect(origin, browser, ALICE, { parameters })).accessToken
  }
  return { origin, inspector, sessionsAtUpstream: everything.sessionCount, tokenFor }
}

/** Opens so many streams and closes them, some at a time. */
async function listen(url: string, token: string, count: number): Promise<void> {
  for (let opened = 0; opened < count; opened += AT_ONCE) {
    const listeners = createListeners(url, { token, host: new URL(url).host })
    await listeners.open(AT_ONCE)
    listeners.close()
  }
}

async function call(
  url: string,
  { token, count, sent, answer }: { token: string; count: number; sent: McpRequest; answer: RegExp },
): Promise<void> {
  const dispatcher = new Agent({ connections: AT_ONCE })
  const authorization = `Bearer ${token}`
  const callOnce = async () => {
    const { headers, body } = sent
    const said = await request(url, {
      method: 'POST',
      headers: { ...headers, authorization },
      body,
      dispatcher,
    })
    const text = await said.body.text()
    if (said.statusCode !== 200 || !answer.test(text)) throw new Error(`${said.statusCode} ${text}`)
  }
  for (let called = 0; called < count; called += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, callOnce))
  await dispatcher.close()
}

interface State {
  /** How many there are of each kind of what keeps a process alive. */
  readonly resources: Readonly<Record<string, number>>
  readonly heap: number
}

const RESOURCES = `process.getActiveResourcesInfo().reduce((counts, kind) => ({ ...counts, [kind]: (counts[kind] ?? 0) + 1 }), {})`

async function resourcesOf(inspector: Inspector): Promise<Readonly<Record<string, number>>> {
  const counts = await inspector.evaluate(RESOURCES)
  const { Timeout = 0, TCPSocketWrap = 0, ProcessWrap = 0, PipeWrap = 0 } = Object(counts)
  return { Timeout, TCPSocketWrap, ProcessWrap, PipeWrap }
}

async function stateOf(inspector: Inspector): Promise<State> {
  await inspector.collectGarbage()
  const heap = Number(await inspector.evaluate('process.memoryUsage().heapUsed'))
  return { resources: await resourcesOf(inspector), heap }
}

t.test(`after ${SOAK} streams and ${SOAK} bridged calls of each kind all is as before`, async (t) => {
  const { origin, inspector, sessionsAtUpstream, tokenFor } = await setStage(t)
  const tokens = {
    modern: await tokenFor('modern'),
    legacy: await tokenFor('legacy'),
    program: await tokenFor('program'),
  }
  const simple = callOf('test_simple_text', {})
  const go = async (count: number) => {
    await listen(`${origin}/mcp/modern`, tokens.modern, count)
    await call(`${origin}/mcp/legacy`, { token: tokens.legacy, count, sent: simple, answer: /simple text/ })
    await call(`${origin}/mcp/program`, { token: tokens.program, count, sent: ADD, answer: /"sum":5/ })
  }
  await go(Math.max(AT_ONCE, SOAK / 10))
  await delay(SETTLING_MS)
  const before = await stateOf(inspector)
  const sessions = sessionsAtUpstream()
  const open = createListeners(`${origin}/mcp/modern`, { token: tokens.modern, host: new URL(origin).host })
  await open.open(AT_ONCE)
  const during = await resourcesOf(inspector)
  t.ok((during.TCPSocketWrap ?? 0) >= AT_ONCE * 2, 'what is open is seen')
  open.close()
  await go(SOAK)

  await until('connections, timers and programs are as few as before', async () => {
    const now = await resourcesOf(inspector)
    return Object.entries(now).every(([kind, count]) => count <= (before.resources[kind] ?? 0))
  })
  const after = await stateOf(inspector)
  t.ok(after.heap - before.heap < HEAP_SLACK_BYTES, `${after.heap - before.heap} bytes more on the heap`)
  t.equal(sessionsAtUpstream(), sessions, 'sessions at the upstream')
  t.comment({ before, after, sessions })
})
