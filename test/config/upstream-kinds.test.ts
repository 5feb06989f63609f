// Owns the promises about the kinds of upstreams: which entry means which, and what belongs to each.

import t from 'tap'
import { loadConfig } from '../../src/config/config.ts'
import { blamed, problemsOfNotes, upstreamsOf } from './problems-of.ts'

const url = 'http://notes/mcp'

t.test('a url is Streamable HTTP, or HTTP+SSE where it says so', async (t) => {
  for (const type of [undefined, 'http', 'streamable-http', 'streamableHttp']) {
    t.match(upstreamsOf({ notes: { url, type } }), [{ kind: 'http', url }])
    t.match(upstreamsOf({ notes: { url, transport: type } }), [{ kind: 'http', url }])
  }
  t.match(upstreamsOf({ notes: { url, type: 'sse' } }), [{ kind: 'sse', url, headers: {} }])
  t.match(upstreamsOf({ notes: { url, transport: 'sse', headers: { A: 'b' } } }), [
    { kind: 'sse', url, headers: { a: 'b' } },
  ])
  t.match(problemsOfNotes({ url, type: 'websocket' }), [
    { at: 'notes.type', expected: 'http, streamable-http, sse or stdio' },
  ])
  t.match(problemsOfNotes({ url, type: 'http', transport: 'sse' }), [{ at: 'notes.transport' }])
})

t.test('an entry that is of no kind is told of all of them', async (t) => {
  t.match(problemsOfNotes({ comand: 'npx' }), [
    { at: 'notes.url', expected: /URL .*, or a command or openapi in its place/, got: 'nothing' },
  ])
  t.match(problemsOfNotes({ type: 'sse' }), [{ at: 'notes.url', expected: /fragment$/ }])
  t.match(upstreamsOf({ notes: { command: 'npx' } }), [{ kind: 'stdio' }])
})

t.test('several urls are one upstream', async (t) => {
  const urls = ['http://one/mcp', 'http://two/mcp?x=1']
  t.match(upstreamsOf({ notes: { urls } }), [{ kind: 'http', url: urls[0], otherUrls: [urls[1]] }])
  t.match(problemsOfNotes({ url, urls }), [{ at: 'notes.url', expected: /nothing beside urls/ }])
  t.match(problemsOfNotes({ type: 'sse', url, urls }), [{ at: 'notes.urls' }])
  for (const wrong of [
    [],
    ['http://one'],
    ['http://one', 'http://one'],
    ['http://one', 'ftp://two'],
    'http://one',
    [1, 2],
  ])
    t.match(problemsOfNotes({ urls: wrong }), [{ at: /^notes\.urls/ }], JSON.stringify(wrong))
})

t.test('a command is a program, in the form of the ecosystem', async (t) => {
  const entry = { command: 'npx', args: ['-y', 'a-server'], env: { API_KEY: `\${env:KEY}` } }
  const plain = { kind: 'stdio', command: 'npx', cwd: null, shared: false }
  t.match(upstreamsOf({ notes: entry }, { UPSTREAMS_ENV: 'KEY', KEY: 'secret' }), [
    { ...plain, args: ['-y', 'a-server'], env: { API_KEY: 'secret' } },
  ])
  t.match(upstreamsOf({ notes: { command: '/opt/my server', type: 'stdio', cwd: '/srv', shared: true } }), [
    { kind: 'stdio', command: '/opt/my server', args: [], env: {}, cwd: '/srv', shared: true },
  ])
})

t.test('a program that is not described well is refused, with everything that is wrong', async (t) => {
  const wrong = { command: '', args: 'x', env: { 'A B': 'x' }, cwd: '', shared: 'yes', url, headers: {} }
  t.same(
    problemsOfNotes(wrong).map(({ at }) => at),
    [
      'notes.env.A B',
      'notes.url',
      'notes.headers',
      'notes.command',
      'notes.args',
      'notes.cwd',
      'notes.shared',
    ],
  )
  t.match(problemsOfNotes({ command: 'npx -y a-server' }), [{ at: 'notes.command', expected: /into args/ }])
  t.match(problemsOfNotes({ type: 'stdio' }), [{ at: 'notes.command' }])
  t.match(problemsOfNotes({ command: 'a', type: 'http' }), [{ at: 'notes.type', expected: /stdio/ }])
  t.match(problemsOfNotes({ command: 'a\0b' }), [{ at: 'notes.command' }])
  t.match(problemsOfNotes({ command: 'a', env: { A: 3 } }), [{ at: 'notes.env.A' }])
  t.match(problemsOfNotes({ command: 'a', env: { A: `\${env:SECRET_KEY}` } }), [
    { at: 'notes.env.A', expected: /not Gatehouse’s own/ },
  ])
  t.match(problemsOfNotes({ command: 'a', env: { A: `\${env:B}` } }), [
    { at: 'notes.env.A', expected: /UPSTREAMS_ENV/ },
  ])
})

t.test(
  'a program gets what is configured, what every program needs, and none of our variables',
  async (t) => {
    const env = { PATH: '/bin', LC_ALL: 'C', SECRET_KEY: 'k'.repeat(32), AWS_SECRET: 'x', HOME: '/root' }
    const [notes] = upstreamsOf({ notes: { command: 'a', env: { HOME: '/srv', KEY: 'k' } } }, env)
    t.same(notes?.kind === 'stdio' && notes.env, { PATH: '/bin', LC_ALL: 'C', HOME: '/srv', KEY: 'k' })
  },
)

t.test('openapi is a document at a path or a URL', async (t) => {
  const plain = { kind: 'openapi', url: null, headers: {}, operations: [], writes: false }
  for (const openapi of ['./api.yaml', '/srv/api.json', 'https://shop.example/openapi.json'])
    t.match(upstreamsOf({ shop: { openapi } }), [{ ...plain, document: openapi }])
  const operations = ['GET /pets/*', 'listPets', '!getStaff']
  t.match(upstreamsOf({ shop: { openapi: 'a.json', url, operations, writes: true, headers: { A: 'b' } } }), [
    { url, operations, writes: true, headers: { a: 'b' } },
  ])
  for (const openapi of ['', 'ftp://x/y', 'http://u:p@x/y', 'http://169.254.169.254/x', 3, null])
    t.match(problemsOfNotes({ openapi }), [{ at: 'notes.openapi' }], String(openapi))
  for (const wrong of ['x', ['a b c'], ['!'], [''], [1]])
    t.match(problemsOfNotes({ openapi: 'a', operations: wrong }), [{ at: /^notes\.operations/ }])
  t.match(problemsOfNotes({ openapi: 'a', writes: 'yes' }), [{ at: 'notes.writes' }])
})

t.test('the same, one variable at a time', async (t) => {
  const { upstreams } = loadConfig({
    UPSTREAM_FILES_COMMAND: 'npx',
    UPSTREAM_FILES_ARGS: '["-y", "a-server"]',
    UPSTREAM_FILES_ENV: '{"A": "b"}',
    UPSTREAM_FILES_CWD: '/srv',
    UPSTREAM_FILES_SHARED: 'true',
    UPSTREAM_OLD_URL: 'http://old/sse',
    UPSTREAM_OLD_TYPE: 'sse',
    UPSTREAM_SHOP_OPENAPI: '/srv/shop.yaml',
    UPSTREAM_SHOP_OPERATIONS: '["!getStaff"]',
    UPSTREAM_SHOP_WRITES: 'true',
    UPSTREAM_MANY_URLS: '["http://one/mcp", "http://two/mcp"]',
  })
  t.match(upstreams, [
    { name: 'files', kind: 'stdio', args: ['-y', 'a-server'], env: { A: 'b' }, cwd: '/srv', shared: true },
    { name: 'old', kind: 'sse' },
    { name: 'shop', kind: 'openapi', operations: ['!getStaff'], writes: true },
    { name: 'many', kind: 'http', otherUrls: ['http://two/mcp'] },
  ])
  t.same(blamed({ UPSTREAM_FILES_COMMAND: 'npx', UPSTREAM_FILES_ARGS: '{"a": 1}' }), ['UPSTREAM_FILES_ARGS'])
  t.same(blamed({ UPSTREAM_EMAIL_COMMAND: 'npx' }), ['UPSTREAM_EMAIL_COMMAND'])
})
