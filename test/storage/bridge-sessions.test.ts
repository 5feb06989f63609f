// Owns the promises of what is remembered of legacy sessions: nothing is lost to another change, and an end is one.

import t from 'tap'
import { change, deleteExpired, load } from '../../src/storage/bridge-sessions.ts'
import { onEveryDatabase } from '../support/database.ts'

const LATER = Date.now() + 60_000

onEveryDatabase(t, async (t, db) => {
  await t.test('nothing is there until something was said', async (t) => {
    t.equal(await load(db, 'quiet'), null)
    t.same(await change(db, 'quiet', { kind: 'level', level: 'error' }, LATER), {
      logLevel: 'error',
      subscriptions: [],
      ended: false,
    })
    t.match(await load(db, 'quiet'), { logLevel: 'error' })
    t.match(await change(db, 'quiet', { kind: 'level', level: 'debug' }, LATER), { logLevel: 'debug' })
  })

  await t.test('concurrent subscriptions all happen', async (t) => {
    const uris = Array.from({ length: 10 }, (_, number) => `test://${number}`)
    await Promise.all(uris.map((uri) => change(db, 'busy', { kind: 'subscribe', uri }, LATER)))
    t.same((await load(db, 'busy'))?.subscriptions.toSorted(), uris)
    await change(db, 'busy', { kind: 'subscribe', uri: 'test://1' }, LATER)
    t.equal((await load(db, 'busy'))?.subscriptions.length, 10, 'the same one once')
    await Promise.all(uris.slice(1).map((uri) => change(db, 'busy', { kind: 'unsubscribe', uri }, LATER)))
    t.same((await load(db, 'busy'))?.subscriptions, ['test://0'])
  })

  await t.test('there are no more subscriptions than there may be', async (t) => {
    for (let number = 0; number < 256; number++)
      await change(db, 'greedy', { kind: 'subscribe', uri: `test://${number}` }, LATER)
    t.equal(await change(db, 'greedy', { kind: 'subscribe', uri: 'test://more' }, LATER), null)
    t.ok(await change(db, 'greedy', { kind: 'subscribe', uri: 'test://7' }, LATER), 'one of them again')
    await change(db, 'greedy', { kind: 'unsubscribe', uri: 'test://7' }, LATER)
    t.ok(await change(db, 'greedy', { kind: 'subscribe', uri: 'test://more' }, LATER))
  })

  await t.test('what has ended stays so', async (t) => {
    await change(db, 'over', { kind: 'subscribe', uri: 'test://1' }, LATER)
    t.match(await change(db, 'over', { kind: 'end' }, LATER), { ended: true, subscriptions: [] })
    t.equal(await change(db, 'over', { kind: 'level', level: 'info' }, LATER), null)
    t.equal(await change(db, 'over', { kind: 'end' }, LATER), null)
    t.match(await load(db, 'over'), { ended: true, logLevel: null })
    t.match(await change(db, 'unheard of', { kind: 'end' }, LATER), { ended: true })
  })

  await t.test('what has expired is forgotten, and nothing else', async (t) => {
    await change(db, 'old', { kind: 'end' }, Date.now() - 1)
    t.equal(await deleteExpired(db, 10), 1)
    t.equal(await load(db, 'old'), null)
    t.ok(await load(db, 'over'))
  })
})
