// Owns the table of cursors: opaque, without anything kept for them, and refused where they do not belong.

import t from 'tap'
import { readCursor, writeCursor } from '../../../src/gateway/aggregate/cursor.ts'

t.test('a cursor holds where each upstream goes on, even at an empty text', async (t) => {
  const cursors = new Map([
    ['notes', 'page 2'],
    ['tickets', ''],
  ])
  t.same(readCursor('tools/list', writeCursor('tools/list', cursors)), cursors)
})

t.test('what is no cursor of this list is none', async (t) => {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  t.equal(readCursor('prompts/list', writeCursor('tools/list', new Map([['a', 'b']]))), null)
  for (const cursor of [
    '',
    'x',
    json(null),
    json({}),
    json(['tools/list']),
    json(['tools/list', ['a']]),
    json(['tools/list', ['a', 1]]),
    json(['tools/list', ['a', 'b', 'c']]),
  ])
    t.equal(readCursor('tools/list', cursor), null, cursor)
})
