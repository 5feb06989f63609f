// Owns the proof that an upstream of any kind that hangs is an error in time, for clients of both eras, and holds no place.

import t, { type Test } from 'tap'
import { createLocalMailbox } from '../../src/mcp/mailbox.ts'
import { NO_LIMITS, UNLIMITED } from '../../src/oauth/allowance.ts'
import { guardLinks } from '../../src/upstreams/guarded-links.ts'
import { createGuards } from '../../src/upstreams/guards.ts'
import type { UpstreamSettings } from '../../src/upstreams/settings.ts'
import { HANGING_KINDS, type HangingKind } from '../support/hanging-upstreams.ts'
import { openLinks } from '../support/links.ts'
import { until } from '../support/until.ts'
import { type Answer, call, modern, PUBLIC_URL, type Sent, type Stage, send, setStage } from './stage.ts'

/** So that a second call finds no place when the first has kept it. */
const LIMITS = { ...NO_LIMITS, total: { ...UNLIMITED, calls: 1 }, firstByteTimeoutMs: 1500 }
/** A probe, the limit itself, and a busy machine. */
const IN_TIME_MS = 20_000
const OTHER: UpstreamSettings = { name: 'other', title: 'Other', url: 'http://127.0.0.1:9/mcp', headers: {} }

async function stageAt(t: Test, settings: UpstreamSettings): Promise<Stage> {
  const mailbox = createLocalMailbox()
  const guards = createGuards({ perUpstream: { calls: null, streams: null }, clock: Date.now })
  const report = (error: unknown) => t.fail(String(error))
  const links = guardLinks(openLinks(t, { mailbox }), guards, report)
  const limits = { straggleMs: 500 }
  return setStage(t, [{ ...settings, limits: LIMITS }, OTHER], { links, guards, mailbox, limits })
}

interface Way {
  readonly path: string
  readonly aud: string
  readonly scope: string
  readonly prefix: string
}

const WAYS: readonly Way[] = [
  { path: '/mcp/notes', aud: `${PUBLIC_URL}/mcp/notes`, scope: 'notes', prefix: '' },
  { path: '/mcp', aud: `${PUBLIC_URL}/mcp`, scope: 'notes other', prefix: 'notes_' },
]

type Calling = (name: string) => Promise<Answer>

/** What took long enough to become a stream is read to its end. */
async function sending(stage: Stage, sent: Sent): Promise<Answer> {
  const answer = await send(stage, sent)
  const last = answer.text.split('\n').findLast((line) => line.startsWith('data: {'))
  return last === undefined ? answer : { ...answer, json: JSON.parse(last.slice('data: '.length)) }
}

async function callingModern(stage: Stage, { path, prefix, ...claims }: Way): Promise<Calling> {
  const token = await stage.token(claims)
  return (name) => sending(stage, { path, token, ...modern('tools/call', { name: prefix + name }, 7) })
}

/** Begins a session for each call, and answers with its failure where there is none. */
async function callingLegacy(stage: Stage, { path, prefix, ...claims }: Way): Promise<Calling> {
  const token = await stage.token(claims)
  const hello = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'old', version: '1' } }
  return async (name) => {
    const begun = await sending(stage, { path, token, body: call('initialize', hello, 7) })
    if (!('result' in begun.json)) return begun
    const session = begun.headers['mcp-session-id']
    const headers = {
      'mcp-protocol-version': '2025-06-18',
      ...(typeof session === 'string' && { 'mcp-session-id': session }),
    }
    return sending(stage, { path, token, headers, body: call('tools/call', { name: prefix + name }, 7) })
  }
}

/** On a busy machine what the upstream has is still asked for, in the one place, when the call comes. Only what is kept stays. */
async function placed(calling: Calling, name: string): Promise<{ answer: Answer; took: number }> {
  let began = 0
  const attempt = () => {
    began = performance.now()
    return calling(name)
  }
  let answer = await attempt()
  await until('a place', async () => {
    if (!answer.text.includes('Too much is open')) return true
    answer = await attempt()
    return false
  })
  return { answer, took: performance.now() - began }
}

async function hangsInTime(t: Test, what: string, calling: Calling, answersOthers: boolean): Promise<void> {
  for (const nth of ['the first', 'the second']) {
    const { answer, took } = await placed(calling, 'hang')
    t.ok(took < IN_TIME_MS, `${what}, ${nth} call: ${took.toFixed(0)} ms`)
    const error = { code: -32603, message: /did not answer in time/ }
    t.match(answer.json, { jsonrpc: '2.0', id: 7, error }, `${what}, ${nth} call: ${answer.text}`)
    t.ok(answer.status === 504 || answer.status === 200, `${what}: ${answer.status}`)
  }
  if (answersOthers)
    t.match(
      (await placed(calling, 'fine')).answer.json,
      { id: 7, result: { content: [{ type: 'text' }] } },
      what,
    )
}

for (const kind of HANGING_KINDS) t.test(`${kind.what} hangs`, (t) => proof(t, kind))

async function proof(t: Test, { start, answersOthers }: HangingKind): Promise<void> {
  const eras = { modern: callingModern, legacy: callingLegacy }
  const each = WAYS.flatMap((way) =>
    Object.entries(eras).map(async ([era, calling]) => {
      const stage = await stageAt(t, await start(t))
      await hangsInTime(t, `${era} at ${way.path}`, await calling(stage, way), answersOthers)
    }),
  )
  await Promise.all(each)
}
