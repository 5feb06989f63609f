// Owns the proof that answers which have to be read have room in common, whatever kind of upstream they come from.

import { McpServer } from '@modelcontextprotocol/server'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { text } from '../../src/demo/tools.ts'
import { type AnswerBudget, createAnswerBudget } from '../../src/http/answer-budget.ts'
import type { Peer, PeerAnswer } from '../../src/mcp/peer.ts'
import type { UpstreamSettings } from '../../src/upstreams/settings.ts'
import { createUpstream } from '../../src/upstreams/settings.ts'
import { serveMcp } from '../gateway/mcp-upstream.ts'
import { openLinks } from '../support/links.ts'
import { programSettings, server } from '../support/programs/program-upstream.ts'
import { startShop } from '../support/shop-api.ts'
import { startSseServer } from '../support/sse-server.ts'
import { until } from '../support/until.ts'
import { asking, listening, visitorOf } from './peers.ts'

const MOST = 1024 * 1024
const SMALL = 1_000
const LARGE = 300_000
const NAMED = { name: 'notes', title: 'Notes', headers: {} }

type Settings = (t: Test) => Promise<UpstreamSettings>

function repeater(): McpServer {
  const mcp = new McpServer({ name: 'repeater', version: '1' })
  mcp.registerTool('repeat', { inputSchema: z.object({ name: z.string() }) }, ({ name }) => text(name))
  return mcp
}

const overHttp =
  (era: 'legacy' | 'modern'): Settings =>
  async (t) => ({ ...NAMED, url: (await serveMcp(t, repeater, era)).url })

const KINDS: Readonly<Record<string, Settings>> = {
  'an upstream of 2025-11-25': overHttp('legacy'),
  'an upstream of 2026-07-28': overHttp('modern'),
  'a program of 2025-11-25': async () => programSettings({ ...server('v1-server'), name: 'notes' }),
  'a program of 2026-07-28': async () => programSettings({ ...server('modern-server'), name: 'notes' }),
  'an upstream of 2024-11-05': async (t) => {
    const old = await startSseServer()
    t.teardown(() => old.close())
    return { ...NAMED, kind: 'sse', url: old.url }
  },
}

function peerAt(t: Test, settings: UpstreamSettings, budget: AnswerBudget): Peer {
  return openLinks(t, { budget }).peerOf(createUpstream(settings))
}

/** An answer of so many bytes and a few, by whichever of the tools is there. */
async function repeat(peer: Peer, bytes: number): Promise<PeerAnswer> {
  const { signal } = listening()
  const { serverInfo } = await peer.discover(visitorOf(), signal)
  const name = ['v1-program', 'old'].includes(String(serverInfo?.name)) ? 'hello' : 'repeat'
  const params = { name, arguments: { name: 'x'.repeat(bytes) } }
  return peer.request(visitorOf(), asking('tools/call', params), listening())
}

async function answersBy(t: Test, budget: AnswerBudget, ask: (bytes: number) => Promise<PeerAnswer>) {
  const isWhole = async (bytes: number) =>
    t.ok(JSON.stringify(await ask(bytes)).length > bytes, `${bytes} bytes`)
  await isWhole(LARGE)
  await until('it has been given back', () => budget.held() === 0)
  const others = budget.share()
  others.add(MOST)
  const refusal = await ask(LARGE).catch((error: unknown) => error)
  t.match(refusal, { reason: 'busy', description: /^The answer is large, and too many large ones/ })
  await isWhole(SMALL)
  await until('what was refused has been given back', () => budget.held() === MOST)
  others.release()
  await isWhole(LARGE)
  await until('nothing is held', () => budget.held() === 0)
}

for (const [name, settingsOf] of Object.entries(KINDS)) {
  t.test(`${name}: without room a large answer is refused, and a small one is not`, async (t) => {
    const budget = createAnswerBudget(MOST)
    const peer = peerAt(t, await settingsOf(t), budget)
    await answersBy(t, budget, (bytes) => repeat(peer, bytes))
  })
}

t.test('an HTTP API: without room a large answer is refused, and a small one is not', async (t) => {
  const shop = await startShop(t)
  const budget = createAnswerBudget(MOST)
  const document = `${shop.origin}/openapi`
  const api = { ...NAMED, kind: 'openapi', document, url: null, operations: [], writes: false } as const
  const peer = peerAt(t, api, budget)
  await answersBy(t, budget, (bytes) => {
    shop.answer((res) => res.writeHead(200, { 'content-type': 'text/plain' }).end('x'.repeat(bytes + 1)))
    const params = { name: 'getPet', arguments: { petId: '1' } }
    return peer.request(visitorOf(), asking('tools/call', params), listening())
  })
})
