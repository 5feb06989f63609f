// Owns the proof that the SDKs' clients, of both eras, can act on what the limits and failures answer: at once, and in their era.

import { request } from 'node:http'
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer } from '@modelcontextprotocol/server'
import t from 'tap'
import { UNLIMITED } from '../../src/oauth/allowance.ts'
import { events, type HostileUpstream, startHostileUpstream } from '../support/hostile-upstream.ts'
import { serveMcp } from './mcp-upstream.ts'
import { type Stage, setStage, type Teardown } from './stage.ts'

const PROMPT_MS = 15_000
const NEVER_IN_TIME = { timeout: 60_000 }

function buildServer(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1' })
  server.registerTool('read', {}, async () => ({ content: [{ type: 'text', text: 'read' }] }))
  return server
}

interface Connected {
  call(): Promise<unknown>
  version(): string | undefined
}

type Connect = (t: Teardown, stage: Stage) => Promise<Connected>

const connectV1: Connect = async (t, stage) => {
  const client = new ClientV1({ name: 'v1', version: '1' })
  await client.connect(new TransportV1(new URL('/mcp/notes', stage.origin), await credentials(stage)))
  t.teardown(() => client.close())
  return {
    call: () => client.callTool({ name: 'read' }, undefined, NEVER_IN_TIME),
    version: () => undefined,
  }
}

function connectV2(mode: 'legacy' | 'auto'): Connect {
  return async (t, stage) => {
    const client = new ClientV2({ name: 'v2', version: '1' }, { versionNegotiation: { mode } })
    await client.connect(new TransportV2(new URL('/mcp/notes', stage.origin), await credentials(stage)))
    t.teardown(() => client.close())
    return {
      call: () => client.callTool({ name: 'read' }, NEVER_IN_TIME),
      version: () => client.getNegotiatedProtocolVersion(),
    }
  }
}

const CLIENTS = [
  ['SDK v1', 'legacy', connectV1],
  ['SDK v2, 2025 era', 'legacy', connectV2('legacy')],
  ['SDK v2, 2026-07-28', 'modern', connectV2('auto')],
] as const

async function credentials(stage: Stage) {
  return { requestInit: { headers: { authorization: `Bearer ${await stage.token()}` } } }
}

interface Failure {
  readonly message: string
  readonly code?: unknown
  readonly status?: unknown
}

async function refusalOf(act: () => Promise<unknown>): Promise<Failure> {
  const began = performance.now()
  try {
    await act()
  } catch (error) {
    if (performance.now() - began > PROMPT_MS) throw new Error('it had to wait')
    if (error instanceof Error) return error
  }
  throw new Error('it was not refused')
}

for (const [name, era, connect] of CLIENTS) {
  t.test(
    `${name}: a call too many is refused with its status, and the next one in time goes well`,
    async (t) => {
      const upstream = await serveMcp(t, buildServer, era)
      const rate = { times: 10, seconds: 10 }
      const stage = await setStage(t, [{ url: upstream.url }], {
        allowances: { perPerson: { ...UNLIMITED, rate } },
      })
      stage.clock.stoppedAt = Date.now()
      const client = await connect(t, stage)
      const refused = await refusalOf(async () => {
        for (let n = 0; n < 11; n++) await client.call()
      })
      t.ok(refused.code === 429 || refused.status === 429, 'a program can tell')
      t.match(refused.message, /Try again later/, 'and so can a person')
      stage.clock.ahead = 5000
      t.match(
        await client.call(),
        { content: [{ text: 'read' }] },
        'the session, or what there is of it, goes on',
      )
    },
  )

  t.test(`${name}: an upstream that broke off, hung or is left alone is an error at once`, async (t) => {
    const upstream = await startRelay(t, era)
    const stage = await setStage(t, [{ url: upstream.url }], { limits: { firstByteTimeoutMs: 1500 } })
    const client = await connect(t, stage)
    t.match(await client.call(), { content: [{ text: 'read' }] })

    upstream.answer((_, res) => {
      events(res)
      res.write(
        'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}\n\n',
      )
      setTimeout(() => res.socket?.resetAndDestroy(), 20)
    })
    const broken = await refusalOf(client.call)
    t.equal(broken.code, -32603, 'in the middle of a stream: the error of this call')
    t.match(broken.message, /broke off/)

    upstream.answer(() => undefined)
    const hung = await refusalOf(client.call)
    t.ok(hung.code === 504 || hung.status === 504)

    upstream.answer((_, res) => void res.socket?.resetAndDestroy())
    for (let n = 0; n < 4; n++) await refusalOf(client.call)
    const alone = await refusalOf(client.call)
    t.ok(alone.code === 503 || alone.status === 503)
    t.match(alone.message, /several times in a row/)

    upstream.restore()
    stage.clock.ahead = 5000
    t.match(await client.call(), { content: [{ text: 'read' }] })
  })
}

t.test('a probing client that is refused does not take the server for an old one', async (t) => {
  const upstream = await serveMcp(t, buildServer, 'modern')
  const rate = { times: 1, seconds: 10 }
  const stage = await setStage(t, [{ url: upstream.url }], {
    allowances: { perPerson: { ...UNLIMITED, rate } },
  })
  stage.clock.stoppedAt = Date.now()
  const first = await connectV2('auto')(t, stage)
  t.equal(first.version(), '2026-07-28')
  await refusalOf(() => connectV2('auto')(t, stage))
  t.same(
    stage.events.map(({ method }) => method),
    ['server/discover', 'server/discover'],
    'no initialize was tried',
  )
  stage.clock.ahead = 10_000
  t.equal((await connectV2('auto')(t, stage)).version(), '2026-07-28')
})

/** A real server behind a hostile one that passes everything on until it is told otherwise. */
async function startRelay(
  t: Teardown & Parameters<typeof startHostileUpstream>[0],
  era: 'legacy' | 'modern',
): Promise<HostileUpstream & { restore(): void }> {
  const real = await serveMcp(t, buildServer, era)
  const relay = await startHostileUpstream(t)
  const restore = () =>
    relay.answer(({ method, headers, body, closed }, res) => {
      const forwarded = request(real.url, { method, headers: { ...headers, host: new URL(real.url).host } })
      forwarded.on('error', () => res.destroy())
      forwarded.on('response', (answer) => {
        res.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.on('error', () => res.destroy()).pipe(res)
      })
      forwarded.end(body)
      void closed.then(() => forwarded.destroy())
    })
  restore()
  return { ...relay, restore }
}
