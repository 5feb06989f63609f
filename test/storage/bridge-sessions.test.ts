// Owns the promises of what is remembered of legacy sessions: nothing is lost to another change, and an end is one.

import t from 'tap'
import type { BridgeSessionChange } from '../../src/storage/bridge-session-changes.ts'
import * as bridgeSessions from '../../src/storage/bridge-sessions.ts'
import { type BridgeSessionKey, deleteExpired, load } from '../../src/storage/bridge-sessions.ts'
import type { Database } from '../../src/storage/database.ts'
import { onEveryDatabase } from '../support/database.ts'

const LATER = Date.now() + 60_000
const MOST = 128
const MOST_SUBSCRIPTIONS = 20
const LEVEL = { kind: 'level', level: 'error' } as const

function change(db: Database, session: BridgeSessionKey, wanted: BridgeSessionChange) {
  return bridgeSessions.change(db, session, wanted, MOST_SUBSCRIPTIONS)
}

/** `order`: of their beginnings. */
function named(id: string, owner = 'alice', order = 0) {
  return { id, owner, expiresAt: LATER + order }
}

onEveryDatabase(t, async (t, db) => {
  await t.test('nothing is there until something was said', async (t) => {
    t.equal(await load(db, named('quiet')), null)
    t.same(await change(db, named('quiet'), { kind: 'level', level: 'error' }), {
      logLevel: 'error',
      subscriptions: [],
      ended: false,
    })
    t.match(await load(db, named('quiet')), { logLevel: 'error' })
    t.match(await change(db, named('quiet'), { kind: 'level', level: 'debug' }), { logLevel: 'debug' })
  })

  await t.test('concurrent subscriptions all happen', async (t) => {
    const uris = Array.from({ length: 10 }, (_, number) => `test://${number}`)
    await Promise.all(uris.map((uri) => change(db, named('busy'), { kind: 'subscribe', uri })))
    t.same((await load(db, named('busy')))?.subscriptions.toSorted(), uris)
    await change(db, named('busy'), { kind: 'subscribe', uri: 'test://1' })
    t.equal((await load(db, named('busy')))?.subscriptions.length, 10, 'the same one once')
    await Promise.all(uris.slice(1).map((uri) => change(db, named('busy'), { kind: 'unsubscribe', uri })))
    t.same((await load(db, named('busy')))?.subscriptions, ['test://0'])
  })

  await t.test('there are no more subscriptions than there may be', async (t) => {
    for (let number = 0; number < MOST_SUBSCRIPTIONS; number++)
      await change(db, named('greedy'), { kind: 'subscribe', uri: `test://${number}` })
    t.equal(await change(db, named('greedy'), { kind: 'subscribe', uri: 'test://more' }), null)
    t.ok(await change(db, named('greedy'), { kind: 'subscribe', uri: 'test://7' }), 'one of them again')
    await change(db, named('greedy'), { kind: 'unsubscribe', uri: 'test://7' })
    t.ok(await change(db, named('greedy'), { kind: 'subscribe', uri: 'test://more' }))
  })

  await t.test('what has ended stays so', async (t) => {
    await change(db, named('over'), { kind: 'subscribe', uri: 'test://1' })
    t.match(await change(db, named('over'), { kind: 'end' }), { ended: true, subscriptions: [] })
    t.equal(await change(db, named('over'), { kind: 'level', level: 'info' }), null)
    t.equal(await change(db, named('over'), { kind: 'end' }), null)
    t.match(await load(db, named('over')), { ended: true, logLevel: null })
    t.match(await change(db, named('unheard of'), { kind: 'end' }), { ended: true })
  })

  await t.test('what has expired is forgotten, and nothing else', async (t) => {
    await change(db, { ...named('old'), expiresAt: Date.now() - 1 }, { kind: 'end' })
    t.equal(await deleteExpired(db, 10), 1)
    t.equal(await load(db, named('old')), null)
    t.ok(await load(db, named('over')))
  })

  await t.test(
    'of one person and client only so many are remembered, and the longest unused one goes',
    async (t) => {
      const at = (order: number) => named(`session ${order}`, 'bob', order)
      for (let order = 1; order <= MOST; order++) await change(db, at(order), LEVEL)
      await change(db, at(1), { kind: 'level', level: 'debug' })
      const silent = [named('silent and old', 'bob', 1), named('silent and new', 'bob', MOST)] as const
      for (const session of [...silent, at(2)]) t.notMatch(await load(db, session), { ended: true })
      await change(db, at(MOST + 1), LEVEL)
      t.match(await load(db, at(2)), { ended: true }, 'it is over, and not as if it had said nothing')
      t.equal(await change(db, at(2), LEVEL), null)
      t.match(await load(db, silent[0]), { ended: true }, 'nothing tells it from one that was forgotten')
      t.equal(await load(db, silent[1]), null)
      for (const order of [1, 3, MOST, MOST + 1]) t.match(await load(db, at(order)), { ended: false })
      t.equal(await load(db, named('of somebody else', 'carol', 1)), null)
    },
  )

  await t.test('one that has ended goes before any other, and is not alive again', async (t) => {
    const at = (order: number) => named(`ended ${order}`, 'dan', order)
    for (let order = 1; order <= MOST; order++) await change(db, at(order), LEVEL)
    await change(db, at(MOST), { kind: 'end' })
    await change(db, at(MOST + 1), LEVEL)
    t.match(await load(db, at(1)), { ended: false })
    t.match(await load(db, at(MOST)), { ended: true })
    t.match(await load(db, at(MOST + 1)), { ended: false })
  })

  await t.test('many at once are as many as there may be, and each is there or is over', async (t) => {
    const all = Array.from({ length: MOST + 20 }, (_, order) => named(`race ${order}`, 'eve', order))
    await Promise.all(all.map((session) => change(db, session, LEVEL)))
    const states = await Promise.all(all.map((session) => load(db, session)))
    t.equal(states.filter((state) => state?.ended === false).length, MOST)
    t.equal(states.filter((state) => state?.ended === true).length, 20)
  })

  await t.test(
    'what is remembered of those that were forgotten goes when their handles are good no more',
    async (t) => {
      const past = Date.now() - 60_000
      const at = (order: number) => ({ id: `past ${order}`, owner: 'fay', expiresAt: past + order })
      for (let order = 0; order <= MOST; order++) await change(db, at(order), LEVEL)
      t.match(await load(db, at(0)), { ended: true })
      t.equal(
        await deleteExpired(db, 1000),
        MOST + 1,
        'the sessions, and the row that says which were forgotten',
      )
      t.equal(await load(db, at(0)), null)
      t.match(await load(db, named('session 1', 'bob', 1)), { ended: false })
    },
  )
})
