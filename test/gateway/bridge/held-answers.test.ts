// Owns the proof of what clients learn when too many large answers are held, and that the room is given back however each ends.

import type { ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { createAnswerBudget } from '../../../src/http/answer-budget.ts'
import { createLocalMailbox } from '../../../src/mcp/mailbox.ts'
import { openLinks } from '../../support/links.ts'
import { until } from '../../support/until.ts'
import { sendResult, servePlainly } from '../../upstreams/peers.ts'
import { errorOf, open, send, setStage } from '../stage.ts'
import { asking } from './modern-stage.ts'

const LARGE = 600 * 1024
/** More than the buffers of a connection take. */
const HUGE = 15 * 1024 * 1024
const SMALL = 100 * 1024
const BEGINNING = `{"jsonrpc":"2.0","result":{"content":[{"type":"text","text":"`

/** Room for one and a half large answers, before an upstream of 2025-11-25 whose answers are begun, with so many bytes as they are asked for, and ended by the test. */
async function scene(t: Test, large = LARGE) {
  const begun: { res: ServerResponse; end: () => void }[] = []
  const upstream = await servePlainly(t, (received) => {
    const { body, res, req } = received
    const { method, id, params } = body
    const serverInfo = { name: 'slow', version: '1' }
    if (req.method !== 'POST') return void res.writeHead(405).end()
    if (method === 'initialize')
      return sendResult(received, { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo })
    if (method === 'server/discover') return void res.writeHead(400).end()
    if (method !== 'tools/call') return void res.writeHead(202).end()
    const { name } = Object(params)
    res.writeHead(200, { 'content-type': 'application/json' })
    res.write(BEGINNING + 'x'.repeat(name === 'large' ? large : SMALL))
    const end = () => void res.end(`"}]},"id":${JSON.stringify(id)}}`)
    if (name === 'small') end()
    else begun.push({ res, end })
  })
  const budget = createAnswerBudget(large * 1.5)
  const mailbox = createLocalMailbox()
  const links = openLinks(t, { mailbox, budget })
  const stage = await setStage(t, [{ url: upstream.url }], { links, mailbox, budget })
  const token = await stage.token()
  const ask = (name: string, signal?: AbortSignal) =>
    send(stage, asking('tools/call', { name }, { token, ...(signal && { signal }) }))
  return { stage, token, budget, begun, ask }
}

t.test(
  'of two large answers at once the second is refused, and neither the first nor a small one',
  async (t) => {
    const { stage, budget, begun, ask } = await scene(t)
    const first = ask('large')
    await until('it is held', () => budget.held() >= LARGE)
    const second = await ask('large')
    t.equal(second.status, 503)
    t.equal(second.headers['retry-after'], '5')
    t.match(errorOf(second), { code: -32603, message: /^The answer is large, and too many large ones/ })
    t.match(stage.events.at(-1), { outcome: 'refused', reason: 'upstream_busy', status: 503 })
    t.equal((await ask('small')).status, 200)

    begun[0]?.end()
    t.equal((await first).status, 200)
    await until('the room is there again', () => budget.held() === 0)
    const again = ask('large')
    await until('it is held', () => budget.held() >= LARGE)
    begun.at(-1)?.end()
    t.equal((await again).status, 200)
    t.same(stage.errors, [])
  },
)

t.test('room is given back when the client leaves, and when the upstream breaks off', async (t) => {
  const { budget, begun, ask } = await scene(t)
  const leaving = new AbortController()
  const left = ask('large', leaving.signal).catch(() => null)
  await until('it is held', () => budget.held() >= LARGE)
  leaving.abort()
  await left
  await until('the client has left', () => budget.held() === 0)

  const broken = ask('large')
  await until('it is held', () => budget.held() >= LARGE)
  begun.at(-1)?.res.destroy()
  t.equal((await broken).status, 502)
  await until('the upstream broke off', () => budget.held() === 0)
})

t.test('what a client does not read is held until it does, or is gone', async (t) => {
  const { stage, token, budget, begun } = await scene(t, HUGE)
  const unread = async () => {
    const answer = open(stage, asking('tools/call', { name: 'large' }, { token }))
    await until('it has begun', () => begun.length > 0)
    begun.shift()?.end()
    return await answer
  }
  const read = await unread()
  await until('it is held', () => budget.held() > 0)
  read.resume()
  await until('it was read', () => budget.held() === 0)
  const gone = await unread()
  await until('it is held', () => budget.held() > 0)
  gone.destroy()
  await until('it is gone', () => budget.held() === 0)
})
