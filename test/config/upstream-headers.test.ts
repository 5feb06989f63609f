// Owns the promises about the headers of an upstream: which may be, and what they can refer to.

import { join } from 'node:path'
import t from 'tap'
import type { UpstreamConfig } from '../../src/config/config.ts'
import type { Environment } from '../../src/config/given.ts'
import { problemsOf, problemsOfNotes, upstreamsOf } from './problems-of.ts'

function headersOf([first]: readonly UpstreamConfig[]) {
  return first && 'headers' in first ? first.headers : null
}

t.test('headers are sent as configured, in lower case', async (t) => {
  const headers = { Authorization: 'Bearer x', 'X-Tenant': ' a b ', 'x-latin': 'ü', 'x-empty': '' }
  t.same(headersOf(upstreamsOf({ notes: { url: 'http://x', headers } })), {
    authorization: 'Bearer x',
    'x-tenant': 'a b',
    'x-latin': 'ü',
    'x-empty': '',
  })
})

t.test('headers of the connection and of the protocol are refused', async (t) => {
  for (const name of [
    'Connection',
    'keep-alive',
    'Proxy-Authorization',
    'proxy-authenticate',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'Host',
    'Content-Length',
    'Expect',
    'Mcp-Session-Id',
    'MCP-Protocol-Version',
    'mcp-param-x',
    'a b',
    'a:b',
    '',
    'x\r\ny',
  ]) {
    t.match(
      problemsOfNotes({ url: 'http://x', headers: { [name]: 'v' } }),
      [{ at: `notes.headers.${name}` }],
      name,
    )
  }
  t.match(problemsOfNotes({ url: 'http://x', headers: { 'X-A': '1', 'x-a': '2' } }), [
    { at: 'notes.headers.x-a', expected: 'each header once' },
  ])
})

t.test('values of headers are texts without control characters', async (t) => {
  for (const value of ['a\r\nX-B: c', 'a\nb', '\u0000', 'a\u007f', 'snow ☃', 3, null, ['x']]) {
    t.match(
      problemsOfNotes({ url: 'http://x', headers: { 'x-a': value } }),
      [{ at: 'notes.headers.x-a' }],
      JSON.stringify(value),
    )
  }
  for (const headers of [[], 'x', null])
    t.match(problemsOfNotes({ url: 'http://x', headers }), [{ at: 'notes.headers' }])
  t.match(problemsOf({ UPSTREAM_A_URL: 'http://a', UPSTREAM_A_HEADERS: '{"Host": "x"}' }), [
    { variable: 'UPSTREAM_A_HEADERS', at: 'Host' },
  ])
  t.match(problemsOf({ UPSTREAM_A_URL: 'http://a', UPSTREAM_A_HEADERS: '[]' }), [
    { variable: 'UPSTREAM_A_HEADERS' },
  ])
})

t.test('a header refers to a variable that the operator listed', async (t) => {
  const file = join(t.testdir({ token: 'from-file\n' }), 'token')
  const headers = { Authorization: `Bearer \${env:A_TOKEN}`, 'X-Both': `\${env:A_TOKEN}-\${env:B_TOKEN}` }
  const env = { UPSTREAMS_ENV: 'A_TOKEN, B_TOKEN', A_TOKEN: 'a$&', B_TOKEN_FILE: file }
  t.same(headersOf(upstreamsOf({ notes: { url: 'http://x', headers } }, env)), {
    authorization: 'Bearer a$&',
    'x-both': 'a$&-from-file',
  })
})

t.test('a header reaches nothing else of the environment', async (t) => {
  const problemsWith = (value: string, env: Environment) =>
    problemsOfNotes({ url: 'http://x', headers: { a: value } }, env)
  t.match(problemsWith(`\${env:A_TOKEN}`, { A_TOKEN: 'a' }), [
    { expected: /A_TOKEN to be listed in UPSTREAMS_ENV/ },
  ])
  t.match(problemsWith(`\${env:A_TOKEN}`, { UPSTREAMS_ENV: 'A_TOKEN' }), [
    { expected: /a value in A_TOKEN or A_TOKEN_FILE/ },
  ])
  t.match(problemsWith(`\${env:A_TOKEN}`, { UPSTREAMS_ENV: 'A_TOKEN', A_TOKEN_FILE: '/does/not/exist' }), [
    { expected: /A_TOKEN_FILE/ },
  ])
  t.match(problemsWith(`\${env:SECRET_KEY}`, { UPSTREAMS_ENV: 'SECRET_KEY', SECRET_KEY: 'k'.repeat(32) }), [
    { expected: /not Gatehouse’s own/ },
  ])
  t.match(problemsWith(`\${env:SECRET_KEY_FILE}`, { UPSTREAMS_ENV: 'SECRET_KEY_FILE' }), [
    { expected: /not Gatehouse’s own/ },
  ])
  for (const other of [`\${A_TOKEN}`, `\${input:token}`, `\${env:A_TOKEN`, `\${env:}`]) {
    t.match(
      problemsWith(other, { UPSTREAMS_ENV: 'A_TOKEN', A_TOKEN: 'a' }),
      [{ expected: /references in the form/ }],
      other,
    )
  }
  t.match(problemsWith(`\${env:A_TOKEN}`, { UPSTREAMS_ENV: 'A_TOKEN', A_TOKEN: 'a\nb' }), [
    { expected: /control characters/ },
  ])
  t.same(problemsWith('$ {{env.A_TOKEN}}', {}), [])
})

t.test('nothing is expanded outside headers', async (t) => {
  const env = { UPSTREAMS_ENV: 'A_TOKEN', A_TOKEN: 'a' }
  t.match(upstreamsOf({ notes: { url: 'http://x/', title: `\${env:A_TOKEN}` } }, env), [
    { title: `\${env:A_TOKEN}` },
  ])
  t.match(problemsOfNotes({ url: `http://x/\${env:A_TOKEN}` }, env), [{ at: 'notes.url' }])
})
