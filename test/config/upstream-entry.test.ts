// Owns the promises about one upstream: its name, its URL, its texts and its transport.

import t from 'tap'
import { blamed, problemsOf, problemsOfNotes, upstreamsOf } from './problems-of.ts'

t.test('names are short, clean and free', async (t) => {
  for (const name of ['n', 'notes-2', '2', 'a'.repeat(32), 'mcp']) {
    t.same(upstreamsOf({ [name]: { url: 'http://x' } })[0]?.name, name)
  }
  for (const name of [
    '',
    '-a',
    'Notes',
    'no_tes',
    'a.b',
    'a/b',
    'a b',
    'a'.repeat(33),
    'ü',
    '__proto__x',
    'email',
    'openid',
    'profile',
  ]) {
    if (name.startsWith('_')) continue
    t.match(
      problemsOf({ UPSTREAMS: JSON.stringify({ [name]: { url: 'http://x' } }) }),
      [{ variable: 'UPSTREAMS', at: name }],
      name,
    )
  }
  t.same(blamed({ UPSTREAM__X_URL: 'http://x' }), ['UPSTREAM__X_URL'])
})

t.test('a url is http or https, without user and fragment', async (t) => {
  for (const url of [
    'http://notes',
    'https://n.example/mcp?tenant=1',
    'http://127.0.0.1:3000/mcp',
    'http://[::1]:3000',
    'http://10.0.0.1/mcp',
  ]) {
    t.match(upstreamsOf({ notes: { url } }), [{ url: new URL(url).href }])
  }
  for (const url of [
    undefined,
    null,
    3,
    '',
    'notes',
    'file:///etc/passwd',
    'unix:/run/x',
    'ws://notes',
    'http:notes',
    'http://',
    'http://u@notes',
    'http://u:p@notes',
    'http://notes#x',
    'http://notes#',
    'http://no tes',
    'http://notes\\x',
    'http://169.254.169.254/latest',
    'http://0xa9fea9fe/',
    'http://[fe80::1]/',
    'http://[::ffff:169.254.169.254]/',
  ]) {
    t.match(
      problemsOfNotes({ url }),
      [{ variable: 'UPSTREAMS', at: 'notes.url', expected: /http or https/ }],
      String(url),
    )
  }
})

t.test('title and description are one line', async (t) => {
  t.match(upstreamsOf({ notes: { url: 'http://x', title: ' Team notes ', description: 'Ours' } }), [
    { title: 'Team notes', description: 'Ours' },
  ])
  t.match(upstreamsOf({ notes: { url: 'http://x', title: '' } }), [{ title: 'notes' }])
  for (const title of ['a\nb', 'x'.repeat(201), 3, null]) {
    t.match(problemsOfNotes({ url: 'http://x', title }), [{ at: 'notes.title' }])
    t.match(problemsOfNotes({ url: 'http://x', description: title }), [{ at: 'notes.description' }])
  }
})
