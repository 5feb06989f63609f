// Owns the promise about lists at the command line: columns for people, cells for programs, and no word to the terminal.

import t from 'tap'
import { commandingNothing, table } from '../../src/cli/output.ts'

const ROWS = [
  ['alice@example.com', 'Alice', 'admin', '', 'staff'],
  ['b@c.de', 'Bob', 'member', 'disabled', ''],
]

t.test(
  'a list has columns of equal width on a terminal, and a tab between cells anywhere else',
  async (t) => {
    t.same(table(ROWS, true), [
      'alice@example.com  Alice  admin             staff',
      'b@c.de             Bob    member  disabled',
    ])
    t.same(table(ROWS, false), [
      'alice@example.com\tAlice\tadmin\t\tstaff',
      'b@c.de\tBob\tmember\tdisabled\t',
    ])
    t.same([table([], true), table([], false)], [[], []])
  },
)

t.test('a name that somebody else chose stays in its cell, and moves no cursor', async (t) => {
  const rows = [
    ['id', 'Nice\tapp\nusr_1\tadmin \u001b[2J\u202e'],
    ['other', 'Plain app'],
  ]
  t.same(table(rows, false), ['id\tNice app usr_1 admin [2J', 'other\tPlain app'])
  t.equal(table(rows, true)[0], 'id     Nice app usr_1 admin [2J')
})

t.test('nothing that is printed commands a terminal, and JSON still means the same', async (t) => {
  const name = 'Nice \u009b2J\u001b[2J\u007f app\tof\nmine'
  const json = JSON.stringify({ name }, null, 2)
  t.same(JSON.parse(commandingNothing(json)), { name })
  t.equal(commandingNothing(name), 'Nice \\u009b2J\\u001b[2J\\u007f app\tof\nmine')
  t.equal(commandingNothing('Größe: 3 ✓'), 'Größe: 3 ✓')
})
