// Owns the promise that the calls of legacy clients leave nothing behind: no stream, no timer, no address, no call upstream.

import t from 'tap'
import {
  createLocalSessionStore,
  type SessionStore,
} from '../../../src/gateway/bridge/legacy/session-store.ts'
import { createLocalMailbox } from '../../../src/mcp/mailbox.ts'
import { call, until } from '../stage.ts'
import {
  countMailbox,
  setBridgedStage,
  setHoldingStage,
  setReplicas,
  type Talk,
  talk,
} from './legacy-stage.ts'

const CALLS = 1_000
const AT_ONCE = 20
const ASKING = { capabilities: { elicitation: {} } }

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
}

async function times(count: number, act: (number: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const work = async () => {
    for (let number = next++; number < count; number = next++) await act(number)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

async function answerQuestion(session: Talk, number: number): Promise<unknown> {
  const events = await session.stream(call('tools/call', { name: 'ask', arguments: {} }, number))
  const { message } = await events.nextOf('elicitation/create')
  await session.post({ jsonrpc: '2.0', id: message?.id, result: { action: 'decline' } })
  return events.rest()
}

t.test('a thousand calls, a tenth of them with a question, some left, some cancelled', async (t) => {
  const { one, peer, mailbox, server } = await setReplicas(t)
  const session = await talk(one, ASKING)
  await answerQuestion(session, -1)
  const before = { timers: timers(), addresses: mailbox.addresses() }
  await times(CALLS, async (number) => {
    if (number % 10 === 0) return answerQuestion(session, number)
    if (number % 25 === 1) return leave(session, number)
    if (number % 25 === 2) return cancelled(session, number)
    const answer = await session.post(call('tools/call', { name: 'come', arguments: {} }, number))
    t.equal(answer.status, 200)
  })
  server.release()
  await until(() => peer.open() === 0)
  await until(() => one.gateway.openStreams() === 0)
  await until(() => timers() <= before.timers)
  t.equal(mailbox.addresses(), before.addresses)
  t.equal(server.held(), 0)
  t.same(one.errors, [])
})

async function leave(session: Talk, number: number): Promise<void> {
  const events = await session.stream(call('tools/call', { name: 'hold', arguments: {} }, number))
  await events.nextOf('notifications/message')
  events.leave()
}

async function cancelled(session: Talk, number: number): Promise<void> {
  const events = await session.stream(call('tools/call', { name: 'hold', arguments: {} }, number))
  await events.nextOf('notifications/message')
  const params = { requestId: number }
  await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params })
  await events.rest()
}

t.test(
  'a session whose state is known costs no look-up, and one that says nothing stores nothing',
  async (t) => {
    const store = createLocalSessionStore()
    const asked: string[] = []
    const sessionStore: SessionStore = {
      load: (key) => {
        asked.push('load')
        return store.load(key)
      },
      change: (key, change) => {
        asked.push('change')
        return store.change(key, change)
      },
    }
    const stage = await setBridgedStage(t, { sessionStore })
    const session = await talk(stage)
    for (let number = 0; number < 20; number++) await session.post(call('tools/list', {}, number))
    t.same(asked, [])
    await session.post(call('logging/setLevel', { level: 'error' }))
    for (let number = 0; number < 20; number++) await session.post(call('tools/list', {}, number))
    t.same(asked, ['change', 'load'])
  },
)

t.test(
  'a gateway that is closed leaves nothing, and one that no legacy client asks opens nothing',
  async (t) => {
    const mailbox = countMailbox(createLocalMailbox())
    const stage = await setHoldingStage(t, { mailbox })
    t.equal(mailbox.addresses(), 0)
    const session = await talk(stage)
    const stream = await session.get()
    const events = await session.stream(call('tools/call', { name: 'hold', arguments: {} }))
    t.equal(mailbox.addresses(), 1)
    await stage.gateway.close(0)
    await Promise.all([stream.rest(), events.rest().catch(() => [])])
    await until(() => stage.peer.open() === 0)
    t.equal(mailbox.addresses(), 0)
    t.equal(stage.gateway.openStreams(), 0)
  },
)
