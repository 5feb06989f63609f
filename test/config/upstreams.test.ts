// Owns the promises about where upstreams come from: three forms with one meaning, and a place for every mistake.

import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../src/config/config.ts'
import { NO_LIMITS } from '../../src/oauth/allowance.ts'
import { blamed, problemsOf, problemsOfNotes, upstreamsOf } from './problems-of.ts'

const PLAIN = {
  kind: 'http',
  otherUrls: [],
  headers: {},
  toolScopes: [],
  holdNewTools: false,
  limits: NO_LIMITS,
  auth: null,
}
const NOTES = { name: 'notes', url: 'http://notes:3000/mcp', title: 'notes', description: null, ...PLAIN }

t.test('the JSON of the ecosystem is understood, with the outer key and without', async (t) => {
  const servers = { notes: { url: 'http://notes:3000/mcp' } }
  t.same(upstreamsOf({ mcpServers: servers }), [NOTES])
  t.same(upstreamsOf(servers), [NOTES])
})

t.test('the same from a file, whose path is known', async (t) => {
  const path = join(
    t.testdir({ 'upstreams.json': '{"mcpServers": {"notes": {"url": "http://notes:3000/mcp"}}}\n' }),
    'upstreams.json',
  )
  t.match(loadConfig({ UPSTREAMS_FILE: path }), { upstreams: [NOTES], followedFiles: [path] })
  t.same(blamed({ UPSTREAMS_FILE: path, UPSTREAMS: '{"tickets": {"url": "http://tickets"}}' }), ['UPSTREAMS'])
})

t.test('the same, one variable at a time', async (t) => {
  t.same(loadConfig({ UPSTREAM_NOTES_URL: 'http://notes:3000/mcp' }).upstreams, [NOTES])
  const { upstreams } = loadConfig({
    UPSTREAM_TICKET_DESK_2_URL: 'https://tickets.example/mcp',
    UPSTREAM_TICKET_DESK_2_TITLE: 'Tickets',
    UPSTREAM_TICKET_DESK_2_DESCRIPTION: 'Issues',
    UPSTREAM_TICKET_DESK_2_HEADERS: '{"X-Api-Key": "k"}',
  })
  const expected = {
    name: 'ticket-desk-2',
    url: 'https://tickets.example/mcp',
    title: 'Tickets',
    description: 'Issues',
  }
  t.same(upstreams, [{ ...PLAIN, ...expected, headers: { 'x-api-key': 'k' } }])
})

t.test('the forms are combined, and each name appears once', async (t) => {
  const UPSTREAMS = '{"notes": {"url": "http://notes"}}'
  t.same(
    loadConfig({ UPSTREAMS, UPSTREAM_TICKETS_URL: 'http://tickets' }).upstreams.map(({ name }) => name),
    ['notes', 'tickets'],
  )
  t.match(problemsOf({ UPSTREAMS, UPSTREAM_NOTES_URL: 'http://notes' }), [
    { variable: 'UPSTREAM_NOTES_URL', got: '"notes", which UPSTREAMS has too' },
  ])
  t.same(blamed({ UPSTREAM_NOTES_URL: 'http://notes', UPSTREAM_notes_URL: 'http://notes' }), [
    'UPSTREAM_notes_URL',
  ])
  t.match(problemsOf({ UPSTREAMS: '{"notes": {"url": "http://a"},\n "notes": {"url": "http://b"}}' }), [
    { variable: 'UPSTREAMS', got: 'JSON with the same name twice at line 2, column 2' },
  ])
})

t.test('a companion without its URL is a problem', async (t) => {
  t.same(blamed({ UPSTREAM_NOTES_TITLE: 'Notes' }), ['UPSTREAM_NOTES_URL'])
  t.same(blamed({ UPSTREAM_NOTES_TITLE: 'Notes', UPSTREAM_NOTES_URL: 'http://notes' }), [])
})

t.test('a mistake in the JSON has a place', async (t) => {
  t.match(problemsOf({ UPSTREAMS: '{\n  "notes": {"url": "http://notes",}\n}' }), [
    { variable: 'UPSTREAMS', got: 'JSON without a name in double quotes at line 2, column 35' },
  ])
  const path = join(t.testdir({ 'upstreams.json': '{"notes": {' }), 'upstreams.json')
  t.match(problemsOf({ UPSTREAMS_FILE: path }), [
    { variable: 'UPSTREAMS_FILE', got: 'JSON that ends too early at line 1, column 12' },
  ])
  t.match(problemsOf({ UPSTREAM_A_URL: 'http://a', UPSTREAM_A_HEADERS: 'Bearer x' }), [
    { variable: 'UPSTREAM_A_HEADERS', got: 'JSON without a value at line 1, column 1' },
  ])
})

t.test('JSON of another shape is refused', async (t) => {
  for (const text of [
    '[]',
    '"http://notes"',
    'null',
    '1',
    '{"mcpServers": []}',
    '{"mcpServers": null}',
    '{}',
    '{"mcpServers": {}}',
    '{"_": 1}',
  ]) {
    t.same(blamed({ UPSTREAMS: text }), ['UPSTREAMS'], text)
  }
  for (const entry of [null, [], 'http://notes', 1])
    t.match(problemsOfNotes(entry), [{ at: 'notes', expected: /an object with a url/ }])
})

t.test('what belongs to other programs is ignored', async (t) => {
  t.same(
    upstreamsOf({
      $schema: 'x',
      inputs: [],
      mcpServers: {
        _comment: 'ours',
        notes: {
          url: 'http://notes:3000/mcp',
          _comment: 'x',
          timeout: 3,
          env: {},
          type: 'http',
          disabled: false,
        },
        off: { url: 'nonsense', disabled: true },
      },
    }),
    [NOTES],
  )
})

t.test('finer scopes are a name and its tools, with a title or without', async (t) => {
  const scopes = { issues: ['create_issue', '*_comment'], mail: { title: 'Send mail', tools: ['send_*'] } }
  const toolScopes = [
    { scope: 'notes:issues', title: 'issues', tools: ['create_issue', '*_comment'] },
    { scope: 'notes:mail', title: 'Send mail', tools: ['send_*'] },
  ]
  const url = 'http://notes:3000/mcp'

  t.match(upstreamsOf({ notes: { url, scopes, holdNewTools: true } }), [{ toolScopes, holdNewTools: true }])
  const variables = { UPSTREAM_NOTES_URL: url, UPSTREAM_NOTES_SCOPES: JSON.stringify(scopes) }
  const { upstreams } = loadConfig({ ...variables, UPSTREAM_NOTES_HOLD_NEW_TOOLS: 'true' })
  t.match(upstreams, [{ toolScopes, holdNewTools: true }])

  for (const mistake of [
    { read: ['a'] },
    { Issues: ['a'] },
    { issues: [] },
    { issues: 'a' },
    { issues: ['a b'] },
    [],
  ]) {
    t.same(problemsOfNotes({ url, scopes: mistake }).length, 1, JSON.stringify(mistake))
  }
  t.same(blamed({ ...variables, UPSTREAM_NOTES_SCOPES: '{' }), ['UPSTREAM_NOTES_SCOPES'])
  t.same(blamed({ ...variables, UPSTREAM_NOTES_HOLD_NEW_TOOLS: '"yes"' }), ['UPSTREAM_NOTES_HOLD_NEW_TOOLS'])
})
