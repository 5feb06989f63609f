// Owns the promise that a tool which came later can be told from one that was there, by every replica alike.

import t from 'tap'
import { observe } from '../../src/storage/upstream-tools.ts'
import { onEveryDatabase } from '../support/database.ts'

const reads = (name: string) => ({ name, readOnly: true, destructive: false })
const writes = (name: string) => ({ name, readOnly: false, destructive: false })
const destroys = (name: string) => ({ name, readOnly: false, destructive: true })

onEveryDatabase(t, async (t, db) => {
  const since = async (upstream: string, ...tools: ReturnType<typeof reads>[]) =>
    Object.fromEntries(await observe(db, upstream, tools))
  const now = Math.floor(Date.now() / 1000) - 5

  t.same(
    await since('notes', reads('a'), writes('b')),
    { a: 0, b: 0 },
    'what is there at first was always there',
  )
  t.same(await since('notes', reads('a'), writes('b')), { a: 0, b: 0 }, 'and stays so')
  const later = await since('notes', reads('a'), writes('b'), reads('c'))
  t.ok(Number(later.c) >= now, 'what appears later is new')
  t.match(later, { a: 0, b: 0 })

  const worse = await since('notes', writes('a'), destroys('b'), reads('c'))
  t.ok(Number(worse.a) >= now, 'so is what no longer only reads')
  t.ok(Number(worse.b) >= now, 'and what has become destructive')
  t.equal(worse.c, later.c)
  const better = await since('notes', reads('a'), writes('b'))
  t.same(better, { a: worse.a, b: worse.b }, 'becoming harmless changes nothing')
  t.same(await since('tickets', reads('a')), { a: 0 }, 'each upstream for itself')
  t.same(await since('notes'), {})
})
