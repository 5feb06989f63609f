// Owns the table of what a legacy client is asked, and what becomes of what it says.

import t from 'tap'
import type { LegacyRevision } from '../../../src/gateway/bridge/legacy/handle.ts'
import { inputResponses, type Question, questionsFor } from '../../../src/gateway/bridge/legacy/questions.ts'
import { responseTo, toPeer } from '../../../src/gateway/bridge/legacy/translation.ts'
import type { Members } from '../../../src/mcp/rpc.ts'

const FORM = { method: 'elicitation/create', params: { mode: 'form', message: 'Name?', requestedSchema: {} } }
const LINK = {
  method: 'elicitation/create',
  params: { mode: 'url', message: 'Sign in.', url: 'https://x.example/' },
}
const SAMPLE = { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } }
const WITH_TOOLS = { ...SAMPLE, params: { ...SAMPLE.params, tools: [] } }
const ROOTS = { method: 'roots/list' }
const URL_MODE = { elicitation: { url: {} } }

type Row = readonly [
  name: string,
  version: LegacyRevision,
  capabilities: Members,
  requests: Members,
  expected: object,
]

const asked = (...questions: object[]) => ({ kind: 'questions', questions })
const refused = (code: number, message: RegExp, more: object = {}) => ({
  kind: 'error',
  error: { code, message, ...more },
})

const ROWS: readonly Row[] = [
  ['a form', '2025-11-25', { elicitation: {} }, { a: FORM }, asked({ key: 'a', ...FORM })],
  [
    'a form, where forms are named',
    '2025-11-25',
    { elicitation: { form: {} } },
    { a: FORM },
    asked({ key: 'a' }),
  ],
  [
    'a form, where there are links alone',
    '2025-11-25',
    URL_MODE,
    { a: FORM },
    refused(-32603, /not declared/),
  ],
  ['a link', '2025-11-25', URL_MODE, { a: LINK }, asked({ params: { elicitationId: String } })],
  [
    'a link, without links',
    '2025-11-25',
    { elicitation: {} },
    { a: LINK },
    refused(-32042, /https:\/\/x\.example\//, {
      data: { elicitations: [{ mode: 'url', url: 'https://x.example/', elicitationId: String }] },
    }),
  ],
  [
    'a link, before there were links',
    '2025-06-18',
    URL_MODE,
    { a: LINK },
    refused(-32603, /https:\/\/x\.example\//),
  ],
  [
    'a link and more',
    '2025-11-25',
    { sampling: {} },
    { a: LINK, b: FORM },
    refused(-32603, /elicitation\/create/),
  ],
  ['a model', '2025-03-26', { sampling: {} }, { a: SAMPLE }, asked({ key: 'a', ...SAMPLE })],
  [
    'a model with tools',
    '2025-11-25',
    { sampling: { tools: {} } },
    { a: WITH_TOOLS },
    asked({ key: 'a', ...WITH_TOOLS }),
  ],
  [
    'a model with tools, without any',
    '2025-11-25',
    { sampling: {} },
    { a: WITH_TOOLS },
    refused(-32603, /sampling\/createMessage/),
  ],
  ['a model, without one', '2025-03-26', {}, { a: SAMPLE }, refused(-32603, /sampling\/createMessage/)],
  ['roots', '2025-03-26', { roots: {} }, { a: ROOTS }, asked({ key: 'a', method: 'roots/list', params: {} })],
  ['roots, without any', '2025-03-26', {}, { a: ROOTS }, refused(-32603, /roots\/list/)],
  [
    'something else',
    '2025-11-25',
    { elicitation: {} },
    { a: { method: 'tools/call' } },
    refused(-32603, /not MCP/),
  ],
  ['nothing', '2025-11-25', {}, {}, asked()],
]

for (const [name, version, capabilities, requests, expected] of ROWS) {
  t.test(`asked for ${name}`, async (t) => {
    t.match(questionsFor(requests, { version, capabilities }), expected)
  })
}

t.test('too many questions at once are not asked', async (t) => {
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`${at}`, ROOTS]))
  const client = { version: '2025-11-25', capabilities: { roots: {} } } as const
  t.match(questionsFor(many(33), client), refused(-32603, /too much/))
  t.match(questionsFor(many(32), client), { kind: 'questions' })
})

t.test('an answer goes to its question', async (t) => {
  const questions: readonly Question[] = [
    { key: 'a', method: 'elicitation/create', params: {} },
    { key: 'b', method: 'roots/list', params: {} },
  ]
  const roots = { result: { roots: [] } }
  const accepted = { result: { action: 'accept', content: {} } }
  const rejected = { error: { code: -1, message: 'no' } }
  const responses = { a: accepted.result, b: roots.result }
  t.same(inputResponses(questions, [accepted, roots]), { kind: 'responses', responses })
  const cancelled = { a: { action: 'cancel' }, b: roots.result }
  t.same(inputResponses(questions, [rejected, roots]), { kind: 'responses', responses: cancelled })
  t.match(inputResponses(questions, [accepted, rejected]), refused(-32603, /roots\/list with an error: no/))
})

const ERRORS: readonly (readonly [method: string, params: Members, code: number, becomes: number])[] = [
  ['tools/call', { name: 'x' }, -32020, -32603],
  ['tools/call', { name: 'x' }, -32021, -32600],
  ['tools/call', { name: 'x' }, -32022, -32602],
  ['tools/call', { name: 'x' }, -32602, -32602],
  ['resources/read', { uri: 'x:' }, -32602, -32002],
  ['resources/read', {}, -32602, -32602],
  ['prompts/get', { name: 'x' }, 7, 7],
]

for (const [method, params, code, becomes] of ERRORS) {
  t.test(`error ${code} of ${method} is ${becomes}, with its text`, async (t) => {
    const answer = { kind: 'error' as const, error: { code, message: 'why', data: { a: 1 } } }
    t.same(responseTo(1, toPeer(method, params), answer), {
      jsonrpc: '2.0',
      id: 1,
      error: { code: becomes, message: 'why', data: { a: 1 } },
    })
  })
}

t.test('a result of a type that the era has not is an error', async (t) => {
  const request = toPeer('tools/call', { name: 'x' })
  const task = { kind: 'result' as const, result: { resultType: 'task', task: {} } }
  t.match(responseTo(1, request, task), { error: { code: -32603 } })
  const meta = { 'io.modelcontextprotocol/serverInfo': {}, own: 1 }
  const complete = { kind: 'result' as const, result: { resultType: 'complete', content: [], _meta: meta } }
  t.same(responseTo(1, request, complete), {
    jsonrpc: '2.0',
    id: 1,
    result: { content: [], _meta: { own: 1 } },
  })
})
