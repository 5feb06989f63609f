// Owns the promises about what an upstream asks in the middle of a legacy client's call.

import t from 'tap'
import { type Answer, call, errorOf, until } from '../stage.ts'
import { type Event, type Events, setHoldingStage, type Talk, talk } from './legacy-stage.ts'

const FORM = { capabilities: { elicitation: {} } }
const BOTH = { capabilities: { elicitation: { form: {}, url: {} } } }

function tool(name: string, id: unknown = 1) {
  return call('tools/call', { name, arguments: {} }, id)
}

function response(id: unknown, result: object) {
  return { jsonrpc: '2.0', id, result }
}

function idIn(message: Event['message']): unknown {
  const { params } = { params: {}, ...message }
  return { elicitationId: null, ...params }.elicitationId
}

async function lastOf(events: Events): Promise<Readonly<Record<string, unknown>>> {
  return (await events.rest()).at(-1)?.message ?? {}
}

async function answered(
  session: Talk,
  name: string,
  said: object,
): Promise<Readonly<Record<string, unknown>>> {
  const events = await session.stream(tool(name))
  const { message } = await events.nextOf(name === 'sample' ? 'sampling/createMessage' : 'elicitation/create')
  const posted = await session.post({ jsonrpc: '2.0', id: message?.id, ...said })
  if (posted.status !== 202) throw new Error(`not accepted: ${posted.status}`)
  return lastOf(events)
}

t.test(
  'a question is asked on the stream of the call, and what it brings goes back with the state as it was',
  async (t) => {
    const stage = await setHoldingStage(t)
    const session = await talk(stage, FORM)
    const events = await session.stream(tool('ask', 'a'))
    t.equal(events.type, 'text/event-stream')
    const question = await events.nextOf('elicitation/create')
    t.match(question.message, { params: { mode: 'form', message: 'Name?' } })
    const posted = await session.post(
      response(question.message?.id, { action: 'accept', content: { name: 'Ada' } }),
    )
    t.equal(posted.status, 202)
    t.equal(posted.text, '')
    t.match(await lastOf(events), { id: 'a', result: { content: [{ text: /Ada/ }] } })
    t.match(stage.server.retries, [{ state: ' exactly "this" ' }])
  },
)

t.test('the form mode has no name in the revision before it got one', async (t) => {
  const stage = await setHoldingStage(t)
  const session = await talk(stage, { ...FORM, version: '2025-06-18' })
  const events = await session.stream(tool('ask'))
  const { message } = await events.nextOf('elicitation/create')
  t.notMatch(message, { params: { mode: 'form' } })
  await session.post(response(message?.id, { action: 'decline' }))
  t.match(await lastOf(events), { result: { content: [{ text: /decline/ }] } })
})

t.test('only what was asked can be answered, once, and in the session that was asked', async (t) => {
  const stage = await setHoldingStage(t)
  const session = await talk(stage, FORM)
  const twin = await talk(stage, FORM)
  const events = await session.stream(tool('ask'))
  const { message } = await events.nextOf('elicitation/create')
  const said = { action: 'accept', content: { name: 'Ada' } }
  const refused: Answer[] = [
    await twin.post(response(message?.id, said)),
    await session.post(response('invented', said)),
    await session.post(response(1, said)),
    await session.post(response(`${message?.id}0`, said)),
  ]
  for (const { status } of refused) t.equal(status, 400)
  t.equal((await session.post(response(message?.id, said))).status, 202)
  t.equal((await session.post(response(message?.id, said))).status, 400, 'only the first answer counts')
  t.match(await lastOf(events), { result: { content: [{ text: /Ada/ }] } })
})

t.test('an error in place of an answer: a person who chose nothing, or the end of the call', async (t) => {
  const stage = await setHoldingStage(t)
  const session = await talk(stage, { capabilities: { elicitation: {}, sampling: {} } })
  const error = { error: { code: -1, message: 'User rejected it' } }
  t.match(await answered(session, 'ask', error), { result: { content: [{ text: /cancel/ }] } })
  t.match(await answered(session, 'sample', error), { error: { code: -32603, message: /User rejected it/ } })
  const result = { model: 'm', role: 'assistant', content: { type: 'text', text: 'Hi' } }
  t.match(await answered(session, 'sample', { result }), { result: { content: [{ text: /Hi/ }] } })
})

t.test('an upstream that never has enough is stopped', async (t) => {
  const stage = await setHoldingStage(t)
  const session = await talk(stage, FORM)
  const events = await session.stream(tool('ask_for_ever'))
  let last: Readonly<Record<string, unknown>> | null = null
  for (let event = await events.next(); event !== null; event = await events.next()) {
    last = event.message
    if (last?.method !== undefined)
      await session.post(response(last.id, { action: 'accept', content: { more: '' } }))
  }
  t.match(last, { id: 1, error: { message: /more than 16 times/ } })
  t.equal(stage.server.asked(), 17)
})

t.test('an upstream that only wants to be called again is', async (t) => {
  const stage = await setHoldingStage(t)
  const session = await talk(stage)
  t.match((await session.post(tool('come_back'))).json, { result: { content: [{ text: 'came back' }] } })
})

t.test('a link is opened where the client can, and told where it cannot', async (t) => {
  const stage = await setHoldingStage(t)
  const able = await talk(stage, BOTH)
  const events = await able.stream(tool('open_link'))
  const { message } = await events.nextOf('elicitation/create')
  t.match(message, {
    params: { mode: 'url', url: 'https://example.com/connect', elicitationId: /^[\w-]{36}$/ },
  })
  await able.post(response(message?.id, { action: 'accept' }))
  t.match(await lastOf(events), { result: { content: [{ text: /accept/ }] } })
})

t.test(
  'a person who opened a link is not sent there again while they are at it, but to the next one',
  async (t) => {
    const stage = await setHoldingStage(t)
    const session = await talk(stage, BOTH)
    const events = await session.stream(tool('sign_in'))
    const ids: unknown[] = []
    for (const page of ['first', 'second']) {
      const before = stage.server.retries.length
      const { message } = await events.nextOf('elicitation/create')
      t.match(message, { params: { mode: 'url', url: `https://example.com/${page}?` } })
      ids.push(idIn(message))
      await session.post(response(message?.id, { action: 'accept' }))
      await until(() => stage.server.retries.length >= before + 2)
      stage.server.visit(page)
    }
    const rest = await events.rest()
    t.match(rest.at(-1)?.message, { id: 1, result: { content: [{ text: 'signed in' }] } })
    t.notMatch(JSON.stringify(rest), 'elicitation/create')
    t.equal(rest.at(-2)?.message?.method, 'notifications/elicitation/complete')
    t.equal(idIn(rest.at(-2)?.message ?? null), ids[1])
    const declined = await answered(await talk(stage, BOTH), 'open_link', { result: { action: 'decline' } })
    t.match(declined, { result: { content: [{ text: /decline/ }] } })
  },
)

t.test('a client that left what it asked for is asked again where it reads on', async (t) => {
  const stage = await setHoldingStage(t)
  const session = await talk(stage, FORM)
  const events = await session.stream(tool('ask'))
  const primed = await events.next()
  t.same(primed?.message, null, 'the first event says nothing but its id')
  const asked = await events.nextOf('elicitation/create')
  events.leave()
  await until(() => stage.events.some(({ outcome }) => outcome === 'aborted'))
  const again = await session.get({ headers: { 'last-event-id': String(primed?.id) } })
  t.same((await again.next())?.message, asked.message)
  const later = await session.get({ headers: { 'last-event-id': String(asked.id) } })
  await session.post(response(asked.message?.id, { action: 'accept', content: { name: 'Ada' } }))
  const rest = await later.rest()
  t.match(rest, [{ message: { id: 1, result: {} } }], 'who has the question gets the answer alone')
  t.same(await again.rest(), [], 'and on one stream alone')
  t.equal(errorOf(await session.post(response(asked.message?.id, {}))).code, -32600)
})
