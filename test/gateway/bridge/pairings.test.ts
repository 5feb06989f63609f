// Owns the proof that a client of any era works with an upstream of any era, and goes on when the upstream changes its era.

import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import t, { type Test } from 'tap'
import { startEverythingServer } from '../../support/everything-server.ts'
import { freePort } from '../../support/local-server.ts'
import { until } from '../../support/until.ts'
import { type Received, sendError, sendResult, servePlainly } from '../../upstreams/peers.ts'
import { errorOf, modern, type Stage, send } from '../stage.ts'
import { connectV1 } from './legacy-stage.ts'
import { setLinkedStage } from './linked-stage.ts'

type Era = 'legacy' | 'modern'

const SIMPLE = { name: 'test_simple_text', arguments: {} }
const ANSWER = { content: [{ type: 'text', text: /simple text/i }] }

async function connectV2(t: Test, stage: Stage, mode: 'legacy' | 'auto'): Promise<ClientV2> {
  const client = new ClientV2({ name: 'v2', version: '1' }, { versionNegotiation: { mode } })
  const requestInit = { headers: { authorization: `Bearer ${await stage.token()}` } }
  await client.connect(new TransportV2(new URL('/mcp/notes', stage.origin), { requestInit }))
  t.teardown(() => client.close())
  return client
}

async function serve(t: Test, eras: readonly Era[], port?: number) {
  const server = await startEverythingServer({ eras: new Set(eras), port: port ?? (await freePort()) })
  t.teardown(() => server.close().catch(() => undefined))
  return server
}

const PAIRINGS: readonly (readonly Era[])[] = [['modern'], ['legacy'], ['legacy', 'modern']]

for (const eras of PAIRINGS) {
  t.test(`clients of both SDKs and both eras at an upstream of: ${eras.join(' and ')}`, async (t) => {
    const server = await serve(t, eras)
    const stage = await setLinkedStage(t, server.url)
    const v1 = new ClientV1({ name: 'v1', version: '1' })
    await connectV1(t, stage, v1)
    t.match(await v1.callTool(SIMPLE), ANSWER)
    const legacy = await connectV2(t, stage, 'legacy')
    t.match(await legacy.callTool(SIMPLE), ANSWER)
    const both = await connectV2(t, stage, 'auto')
    t.match(await both.callTool(SIMPLE), ANSWER)
    t.equal(both.getNegotiatedProtocolVersion(), '2026-07-28', 'who speaks the new one keeps it')
    t.same(stage.errors, [])
  })
}

t.test(
  'a modern client goes on when its upstream comes back as a legacy one, and the other way round',
  async (t) => {
    let server = await serve(t, ['modern'])
    const port = Number(new URL(server.url).port)
    const stage = await setLinkedStage(t, server.url, { contradictionPause: 0 })
    const client = await connectV2(t, stage, 'auto')
    for (const era of ['legacy', 'modern', 'legacy'] as const) {
      t.match(await client.callTool(SIMPLE), ANSWER)
      await server.close()
      server = await serve(t, [era], port)
      // Bytes that passed are answered by the upstream itself: that one call fails, and is the sign.
      await until(`the ${era} era`, () => client.callTool(SIMPLE).then(Boolean, () => false))
    }
    t.match(await client.callTool(SIMPLE), ANSWER)
  },
)

t.test('a legacy client begins anew when its upstream comes back as a modern one', async (t) => {
  const before = await serve(t, ['legacy'])
  const port = Number(new URL(before.url).port)
  const stage = await setLinkedStage(t, before.url, { contradictionPause: 0 })
  const client = await connectV2(t, stage, 'legacy')
  t.match(await client.callTool(SIMPLE), ANSWER)
  await before.close()
  await serve(t, ['modern'], port)
  await t.rejects(client.callTool(SIMPLE))
  const again = () => connectV2(t, stage, 'legacy')
  await until('the modern era', () =>
    again().then(
      () => true,
      () => false,
    ),
  )
  t.match(await (await again()).callTool(SIMPLE), ANSWER)
})

t.test(
  'a modern client works at a legacy server that fails, or is silent, when it is asked in its era',
  async (t) => {
    const ways: Readonly<Record<string, (received: Received) => void>> = {
      'an error of its own': (received) => sendError(received, 500, -32603),
      'no answer that is one': ({ res }) => res.writeHead(202).end(),
      silence: () => undefined,
    }
    for (const [what, answer] of Object.entries(ways)) {
      const plain = await servePlainly(t, (received) => {
        const { method, params } = received.body
        if (method === 'initialize') sendResult(received, { protocolVersion: '2025-06-18', capabilities: {} })
        else if (JSON.stringify(params ?? {}).includes('2026-07-28')) answer(received)
        else if (received.body.id === undefined) received.res.writeHead(202).end()
        else sendResult(received, { tools: [] })
      })
      const stage = await setLinkedStage(t, plain.url)
      const { status, json } = await send(stage, { token: await stage.token(), ...modern('tools/list') })
      t.equal(status, 200, what)
      t.match(json, { result: { resultType: 'complete', tools: [] } }, what)
    }
  },
)

t.test('an upstream that does not let the probe in gives its own answer to whoever asks', async (t) => {
  for (const [status, answered] of [
    [401, 502],
    [500, 502],
  ] as const) {
    let open = false
    const plain = await servePlainly(t, (received) => {
      if (!open) received.res.writeHead(status).end()
      else if (received.body.method === 'initialize')
        sendError(received, 400, -32022, { supported: ['2026-07-28'] })
      else sendResult(received, { supportedVersions: ['2026-07-28'], capabilities: {}, tools: [] })
    })
    const stage = await setLinkedStage(t, plain.url, { firstPause: 0 })
    const token = await stage.token()
    const refused = await send(stage, { token, ...modern('tools/list') })
    t.equal(refused.status, answered)
    t.match(errorOf(refused), { code: -32603 })
    open = true
    const allowed = await send(stage, { token, ...modern('tools/list') })
    t.equal(allowed.status, 200)
    t.match(allowed.json, { result: { tools: [] } })
  }
})
