// Owns the proof that what a legacy upstream asks in the middle of a call reaches a modern client, and its answer the upstream.

import type { Client } from '@modelcontextprotocol/client'
import t from 'tap'
import { type Answer, errorOf, type Sent, send, until } from '../stage.ts'
import { askingServers } from './asking-server.ts'
import { serveLegacy } from './legacy-upstream.ts'
import { type Asking, asking, connectModern, setBridge } from './modern-stage.ts'

const EVERYTHING = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} }

/** A person who answers everything. */
function answerEverything(client: Client, questions: string[] = []): Client {
  client.setRequestHandler('elicitation/create', ({ params }) => {
    questions.push(params.message)
    return params.mode === 'url'
      ? { action: 'accept' }
      : { action: 'accept', content: { name: params.message } }
  })
  client.setRequestHandler('sampling/createMessage', () => ({
    role: 'assistant',
    content: { type: 'text', text: 'Hello' },
    model: 'tested',
  }))
  client.setRequestHandler('roots/list', () => ({ roots: [{ uri: 'file:///home', name: 'home' }] }))
  return client
}

t.test('a person is asked in the middle of a call, and again, and the tool runs once', async (t) => {
  const servers = askingServers()
  const upstream = await serveLegacy(t, servers.build)
  const stage = await setBridge(t, upstream.url)
  const questions: string[] = []
  const client = answerEverything(await connectModern(t, stage, { capabilities: EVERYTHING }), questions)
  const result = await client.callTool({ name: 'ask', arguments: { again: 2 } })
  t.same(questions, ['Question 1', 'Question 2', 'Question 3'])
  t.match(result, { content: [{ text: /Question 3/ }] })
  t.equal(servers.runs('ask'), 1)
  t.equal(stage.peer.held(), 0)
  t.equal(upstream.count('tools/call'), 1)
})

t.test('questions of all kinds, two of them at once', async (t) => {
  const servers = askingServers()
  const upstream = await serveLegacy(t, servers.build)
  const stage = await setBridge(t, upstream.url)
  const client = answerEverything(await connectModern(t, stage, { capabilities: EVERYTHING }))
  const result = await client.callTool({ name: 'ask_both' })
  t.match(result, {
    content: [
      { text: '[{"name":"Who?"},{"type":"text","text":"Hello"},[{"uri":"file:///home","name":"home"}]]' },
    ],
  })
  t.equal(servers.runs('ask_both'), 1)
})

t.test(
  'what a vendor says beside a question stays with it, and what belongs to the message does not',
  async (t) => {
    const servers = askingServers()
    const upstream = await serveLegacy(t, servers.build)
    const stage = await setBridge(t, upstream.url)
    const token = await stage.token()
    const asked = asking('tools/call', { name: 'ask_with_meta' }, { token, capabilities: EVERYTHING })
    const { result } = { result: {}, ...(await send(stage, asked)).json }
    const questions = JSON.stringify(result)
    t.equal(questions.match(/"_meta":\{"com.example\/hint":"red"\}/g)?.length, 3, questions)
    t.notMatch(questions, 'progressToken')
  },
)

t.test('a question that names no call is asked during the call that is under way', async (t) => {
  const servers = askingServers()
  const upstream = await serveLegacy(t, servers.build)
  const stage = await setBridge(t, upstream.url)
  const client = answerEverything(await connectModern(t, stage, { capabilities: EVERYTHING }))
  t.match(await client.callTool({ name: 'ask_on_own_stream' }), { content: [{ text: /Anybody/ }] })
})

t.test(
  'a question that names no call is not asked during a request that nothing can be asked in',
  async (t) => {
    const servers = askingServers()
    const listing = Promise.withResolvers<void>()
    const upstream = await serveLegacy(t, servers.build, {
      before: (_req, res, body) => {
        if (!JSON.stringify(body ?? {}).includes('"prompts/list"')) return false
        void listing.promise.then(() => res.writeHead(500).end())
        return true
      },
    })
    const stage = await setBridge(t, upstream.url)
    const token = await stage.token()
    const list = send(stage, asking('prompts/list', {}, { token, capabilities: EVERYTHING }))
    await until(() => upstream.count('prompts/list') === 1)
    const first = await send(stage, calling(token, 'ask_on_own_stream'))
    const answer = await send(stage, calling(token, 'ask_on_own_stream', responding(askedIn(first))))
    t.match(answer.json.result, { content: [{ text: /Ann/ }] })
    t.equal(upstream.sessions(), 1)
    listing.resolve()
    t.equal((await list).status, 502)
  },
)

t.test('a question during a prompt, and one that sends the person to a page', async (t) => {
  const servers = askingServers()
  const upstream = await serveLegacy(t, servers.build)
  const stage = await setBridge(t, upstream.url)
  const client = answerEverything(await connectModern(t, stage, { capabilities: EVERYTHING }))
  t.match(await client.getPrompt({ name: 'asking_prompt' }), {
    messages: [{ content: { text: /For the prompt/ } }],
  })
  t.match(await client.callTool({ name: 'ask_url' }), { content: [{ text: '{"action":"accept"}' }] })
})

t.test('an upstream that wants the person on a page first gets its call again afterwards', async (t) => {
  const servers = askingServers()
  const upstream = await serveLegacy(t, servers.build)
  const stage = await setBridge(t, upstream.url)
  const client = await connectModern(t, stage, { capabilities: EVERYTHING })
  client.setRequestHandler('elicitation/create', ({ params }) => {
    if (params.mode === 'url') servers.visited.add(params.url)
    return { action: 'accept' }
  })
  t.match(await client.callTool({ name: 'needs_url' }), { content: [{ text: 'signed in' }] })
  t.equal(servers.runs('needs_url'), 2)
})

interface Round {
  readonly keys: readonly string[]
  readonly requests: Readonly<Record<string, unknown>>
  readonly state: string
}

/** What an answer asks for. */
function askedIn({ json }: Answer): Round {
  const result = members(json.result)
  const requests = members(result.inputRequests)
  return { keys: Object.keys(requests), requests, state: String(result.requestState) }
}

function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function calling(token: string, name: string, more: object = {}, options: Partial<Asking> = {}): Sent {
  return asking('tools/call', { name, ...more }, { token, capabilities: EVERYTHING, ...options })
}

function responding({ keys, state }: Round, action = 'accept'): object {
  const response = { action, content: { name: 'Ann' } }
  return { requestState: state, inputResponses: Object.fromEntries(keys.map((key) => [key, response])) }
}

t.test('a person who declines the page is not sent there again', async (t) => {
  const servers = askingServers()
  const upstream = await serveLegacy(t, servers.build)
  const stage = await setBridge(t, upstream.url)
  const token = await stage.token()
  const first = askedIn(await send(stage, calling(token, 'needs_url')))
  t.match(first.requests, { url1: { method: 'elicitation/create', params: { mode: 'url' } } })
  t.notMatch(first.requests, { url1: { params: { elicitationId: String } } })
  const refused = await send(stage, calling(token, 'needs_url', responding(first, 'decline')))
  t.match(errorOf(refused), { code: 403 })
  t.equal(servers.runs('needs_url'), 1)
  servers.visited.add('https://up.example/sign-in')
  const accepted = await send(stage, calling(token, 'needs_url', responding(first)))
  t.match(accepted.json.result, { resultType: 'complete', content: [{ text: 'signed in' }] })
})

t.test('what a client did not say it can do is not asked of it', async (t) => {
  const servers = askingServers()
  const upstream = await serveLegacy(t, servers.build)
  const stage = await setBridge(t, upstream.url)
  const token = await stage.token()
  const form = { capabilities: { elicitation: {} } }
  for (const [name, options] of [
    ['ask', { capabilities: {} }],
    ['ask_url', form],
    ['ask_both', form],
  ] as const) {
    const answer = await send(stage, calling(token, name, {}, options))
    t.match(answer.json.result, { resultType: 'complete', isError: true }, name)
  }
  t.match((await send(stage, calling(token, 'ask', {}, form))).json.result, { resultType: 'input_required' })
  const page = await send(stage, calling(token, 'needs_url', {}, form))
  t.equal(page.status, 400)
  t.match(errorOf(page), { code: -32021, data: { requiredCapabilities: { elicitation: { url: {} } } } })
})

t.test('a retry goes on only for the same person, client and request, and only once', async (t) => {
  const servers = askingServers()
  const upstream = await serveLegacy(t, servers.build)
  const stage = await setBridge(t, upstream.url)
  const token = await stage.token()
  const round = askedIn(await send(stage, calling(token, 'ask', { arguments: {} })))
  const back = responding(round)
  const retry = (bearer: string, name = 'ask', more: object = {}) =>
    send(stage, calling(bearer, name, { arguments: {}, ...back, ...more }))
  const refused = async (answer: Promise<Answer>, what: string) => {
    const { status, json } = await answer
    t.equal(status, 400, what)
    t.match(json, { error: { code: -32602, message: /Make the call again/ } })
  }
  const altered = `${round.state.slice(0, -2)}${round.state.endsWith('AA') ? 'BB' : 'AA'}`
  await refused(retry(await stage.token({ sub: 'usr_bob' })), 'another person')
  await refused(retry(await stage.token({ client_id: 'client-2' })), 'another client')
  await refused(retry(token, 'ask_both'), 'another tool')
  await refused(retry(token, 'ask', { arguments: { again: 1 } }), 'other arguments')
  await refused(retry(token, 'ask', { requestState: altered }), 'an altered state')
  await refused(retry(token, 'ask', { requestState: 'invented' }), 'an invented state')
  await refused(retry(token, 'ask', { requestState: undefined }), 'answers alone')
  t.equal(stage.peer.held(), 1)
  t.match((await retry(token)).json.result, { resultType: 'complete', content: [{ text: /Ann/ }] })
  await refused(retry(token), 'the same once more')
  t.equal(servers.runs('ask'), 1)
})

t.test('what a retry leaves out is asked for again, what it adds is ignored', async (t) => {
  const servers = askingServers()
  const upstream = await serveLegacy(t, servers.build)
  const stage = await setBridge(t, upstream.url)
  const token = await stage.token()
  const first = askedIn(await send(stage, calling(token, 'ask')))
  const again = await send(
    stage,
    calling(token, 'ask', { requestState: first.state, inputResponses: { other: { action: 'accept' } } }),
  )
  const second = askedIn(again)
  t.same(second.requests, first.requests)
  t.not(second.state, first.state)
  const stale = await send(stage, calling(token, 'ask', responding(first)))
  t.match(errorOf(stale), { code: -32602 })
  t.match((await send(stage, calling(token, 'ask', responding(second)))).json.result, {
    resultType: 'complete',
  })
})

t.test('a call that nobody comes back to ends, and too many of them are refused', async (t) => {
  const servers = askingServers()
  const upstream = await serveLegacy(t, servers.build)
  const stage = await setBridge(t, upstream.url, { limits: { heldMs: 2000, maxHeldPerPerson: 1 } })
  const token = await stage.token()
  const first = askedIn(await send(stage, calling(token, 'ask')))
  const second = await send(stage, calling(token, 'ask'))
  t.equal(second.status, 503)
  const other = await stage.token({ sub: 'usr_bob' })
  t.match((await send(stage, calling(other, 'ask'))).json.result, { resultType: 'input_required' })
  await until(() => stage.peer.held() === 0)
  await until(() => upstream.count('notifications/cancelled') === 3)
  t.match(errorOf(await send(stage, calling(token, 'ask', responding(first)))), { code: -32602 })
  const anew = askedIn(await send(stage, calling(token, 'ask')))
  t.match((await send(stage, calling(token, 'ask', responding(anew)))).json.result, {
    resultType: 'complete',
  })
})
