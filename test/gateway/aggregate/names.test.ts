// Owns the table of names in the aggregate: within what clients take, never two alike, always the same.

import t from 'tap'
import { NAME_LENGTH, OWN_TOOLS, readName, shownName } from '../../../src/gateway/aggregate/names.ts'

const ODD = [
  'create note',
  'admin.tools.list',
  'notes/create',
  'Notiz_löschen',
  '搜索',
  '🔎',
  '',
  'x'.repeat(48),
  'x'.repeat(4000),
  `${'create_pull_request_review_comment_'.repeat(3)}a`,
  `${'create_pull_request_review_comment_'.repeat(3)}b`,
  'a--0123456789',
  'a--0123456789--0123456789',
  'line\nbreak',
  'mcp__notes__create',
]
const UPSTREAMS = ['a', 'notes', 'notes-2', 'list', 'upstream', '0'.repeat(32)]

t.test('every name is one that models and clients take', async (t) => {
  for (const upstream of UPSTREAMS)
    for (const name of [...ODD, 'search', 'UPPER-case_2']) {
      const shown = shownName(upstream, name)
      t.match(shown, /^[A-Za-z0-9_-]{1,64}$/, JSON.stringify(name.slice(0, 20)))
      t.ok(shown.length <= NAME_LENGTH)
      t.ok(shown.startsWith(`${upstream}_`), 'it says whose it is')
    }
})

t.test('a name that fits is kept, and read back', async (t) => {
  t.equal(shownName('notes', 'create_note'), 'notes_create_note')
  t.same(readName('notes_create_note'), { upstream: 'notes', name: 'create_note' })
  t.same(readName('notes-2__x'), { upstream: 'notes-2', name: '_x' })
  for (const name of ['search', 'a', 'UPPER-case_2', 'a--b', 'a--01234567890', 'a--0123456789x'])
    t.same(readName(shownName('notes', name)), { upstream: 'notes', name })
})

t.test('another name is shortened, the same at all times and everywhere', async (t) => {
  t.equal(shownName('notes', 'create note'), 'notes_create_note--906c13926c')
  t.equal(shownName('notes', 'admin.tools.list'), 'notes_admin_tools_list--ce33de314e')
  for (const name of ODD.filter((each) => each !== '' && each !== 'mcp__notes__create'))
    t.same(readName(shownName('notes', name)), { upstream: 'notes', name: null })
})

t.test('no two are alike: not of one upstream, not of two, and none is one of ours', async (t) => {
  const names = [
    ...ODD,
    'create_note',
    'search',
    'upstreams',
    'status',
    '2_search',
    'admin_tools_list--ce33de314e',
  ]
  // What a shortened name looks like can be chosen as a name.
  const all = UPSTREAMS.flatMap((upstream) => {
    const shown = names.map((name) => shownName(upstream, name))
    const copied = shown.map((each) => shownName(upstream, each.slice(upstream.length + 1)))
    return [...new Set([...shown, ...copied.filter((each, index) => each !== shown[index])])]
  })
  t.equal(new Set(all).size, all.length)
  for (const own of OWN_TOOLS) t.notOk(all.includes(own), own)
})

t.test('other spellings are no names', async (t) => {
  for (const shown of [
    '',
    '_',
    '_search',
    'whoami',
    'notes',
    'notes_create note',
    'notes_a.b',
    `notes_${'x'.repeat(60)}`,
  ])
    t.equal(readName(shown), null, shown)
})
