// Owns the proof that it makes no difference which replica a request reaches: clients and upstreams of every era, real processes.

import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createEndpoint, type Era } from '../../src/demo/endpoint.ts'
import { listen } from '../../src/demo/listen.ts'
import { buildDemoServer } from '../../src/demo/mcp-server.ts'
import { createNotebook } from '../../src/demo/notebook.ts'
import { NOTES_URI } from '../../src/demo/resources.ts'
import { text } from '../../src/demo/tools.ts'
import { type BalancedReplicas, startBalanced } from '../support/balanced-replicas.ts'
import { SERVED_BY } from '../support/balancer.ts'
import { until } from '../support/until.ts'
import { CONNECT } from './replica-clients.ts'

interface Upstream {
  readonly url: string
  /** Calls of `hold` that are open. */
  held(): number
  /** Those that were cancelled. */
  cancelled(): number
}

/** The demo upstream, and a tool that takes until it is cancelled. */
async function startUpstream(t: Test, eras: readonly Era[]): Promise<Upstream> {
  const notebook = createNotebook()
  let held = 0
  let cancelled = 0
  const endpoint = createEndpoint(
    (era) => {
      const server = buildDemoServer(era, notebook)
      server.registerTool('hold', { description: 'Takes until it is cancelled' }, async (ctx) => {
        held++
        await new Promise((resolve) => ctx.mcpReq.signal.addEventListener('abort', resolve, { once: true }))
        held--
        cancelled++
        return text('cancelled')
      })
      return server
    },
    { eras: new Set(eras) },
  )
  notebook.onChange(() => endpoint.notify.resourceUpdated(NOTES_URI))
  const { url, close } = await listen(endpoint, '127.0.0.1', 0)
  t.teardown(close)
  return { url, held: () => held, cancelled: () => cancelled }
}

/** Adds the token, and notes who answered. */
function through(token: string, served: string[]): typeof fetch {
  return async (input, init) => {
    const headers = new Headers(init?.headers)
    headers.set('authorization', `Bearer ${token}`)
    const answer = await fetch(input, { ...init, headers })
    served.push(answer.headers.get(SERVED_BY) ?? 'nobody')
    return answer
  }
}

const UPSTREAMS: readonly (readonly [string, readonly Era[]])[] = [
  ['modern', ['modern']],
  ['legacy', ['legacy']],
  ['dual', ['legacy', 'modern']],
]

t.test('two replicas behind a load balancer without stickiness', async (t) => {
  const upstreams = new Map<string, Upstream>()
  for (const [name, eras] of UPSTREAMS) upstreams.set(name, await startUpstream(t, eras))
  const env = Object.fromEntries(
    [...upstreams].map(([name, { url }]) => [`UPSTREAM_${name.toUpperCase()}_URL`, url]),
  )
  const service = await startBalanced(t, env)
  if (service === null) return
  for (const [name, upstream] of upstreams) {
    for (const [client, connect] of CONNECT) {
      await t.test(`${client} at an upstream that is ${name}`, (t) =>
        tryOut(t, service, name, upstream, connect),
      )
    }
  }
})

async function tryOut(
  t: Test,
  { origin, token }: BalancedReplicas,
  name: string,
  upstream: Upstream,
  connect: (typeof CONNECT)[number][1],
): Promise<void> {
  const served: string[] = []
  const client = await connect(new URL(`/mcp/${name}`, origin), through(await token(name), served))
  t.teardown(() => client.close())
  for (let number = 0; number < 4; number++) {
    t.equal(await client.call('hello', { name: `${number}` }), `Hello, ${number}!`)
  }
  // Questions in the middle of a call: what is answered may come in anywhere.
  for (let time = 1; time <= 4; time++) {
    t.match(await client.call('clear_notes'), /Deleted \d+ note/)
    t.equal(client.questions(), time)
  }
  await t.test('what is subscribed to is heard, whoever changes it', async () => {
    const stop = await client.watch(NOTES_URI)
    for (let time = 1; time <= 4; time++) {
      const heard = client.updates()
      await until(`the update ${time}`, async () => {
        // A replica hears a moment later what was subscribed to at another one.
        await client.call('add_note', { text: `note ${time}` })
        await sleep(50)
        return client.updates() > heard
      })
      await client.call('clear_notes')
    }
    await stop()
  })
  await t.test('a call is cancelled, whoever holds it', async () => {
    for (let time = 0; time < 3; time++) {
      const before = upstream.cancelled()
      const leaving = new AbortController()
      const held = client.call('hold', {}, leaving.signal).catch(() => 'gone')
      await until('the call', () => upstream.held() === 1)
      leaving.abort()
      t.equal(await held, 'gone')
      await until('its end', () => upstream.held() === 0)
      t.equal(upstream.cancelled(), before + 1)
    }
  })
  t.same(new Set(served), new Set(['replica-1', 'replica-2']), 'both had a part in it')
}
