// Owns the promises of the table of revocations: written with the act, never left out, gone when nothing is left to refuse.
import { sql } from 'kysely'
import t from 'tap'
import { openDatabase } from '../../src/storage/database.ts'
import { changesSince, findAbout } from '../../src/storage/revocation-changes.ts'
import {
  deleteExpired,
  REVOCATIONS_CHANNEL,
  reinstate,
  revoke,
  revokeAll,
} from '../../src/storage/revocations.ts'
import { createTestDatabase, onEveryDatabase } from '../support/database.ts'
import { createReplicas } from '../support/database-replicas.ts'

const MOST = 100

onEveryDatabase(t, async (t, db) => {
  t.test('what was revoked is found once, and later only what changed', async (t) => {
    const start = await changesSince(db, null, MOST)
    t.same(start.revocations, [])
    await revoke(db, 'grant', 'grant-1')
    const first = await changesSince(db, start.position, MOST)
    t.match(first.revocations, [{ kind: 'grant', subject: 'grant-1', issuedUntil: null }])
    t.ok((first.revocations[0]?.secondsLeft ?? 0) > 24 * 60 * 60, 'longer than any access token')
    t.same((await changesSince(db, first.position, MOST)).revocations, [])
    await revoke(db, 'account', 'usr_1')
    t.match((await changesSince(db, first.position, MOST)).revocations, [{ subject: 'usr_1' }])
    t.equal((await changesSince(db, null, MOST)).revocations.length, 2)
  })

  t.test('a position of another history counts for nothing', async (t) => {
    const { position, revocations: all } = await changesSince(db, null, MOST)
    const far = { ...position, transaction: '9000000000000' }
    t.same((await changesSince(db, far, MOST)).revocations, [], 'it would skip what is there')
    const elsewhere = await changesSince(db, { ...far, history: '1800000000.5' }, MOST)
    t.equal(elsewhere.revocations.length, all.length)
    t.ok(all.length > 0)
  })

  t.test('a revocation goes back with the transaction that it is part of', async (t) => {
    const act = db.transaction().execute(async (transaction) => {
      await revoke(transaction, 'grant', 'grant-undone')
      throw new Error('undone')
    })
    await t.rejects(act, { message: 'undone' })
    const about = { grantId: 'grant-undone', subject: 'x', clientId: 'x' }
    t.same(await findAbout(db, about), [])
    await revoke(db, 'grant', 'grant-undone')
    t.match(await findAbout(db, about), [{ kind: 'grant', subject: 'grant-undone' }])
  })

  t.test('who is reinstated gets new tokens, and is revoked again from the beginning', async (t) => {
    const about = { grantId: null, subject: 'usr_2', clientId: 'x' }
    await reinstate(db, 'account', 'usr_2')
    t.same(await findAbout(db, about), [], 'there was nothing to take back')
    await revoke(db, 'account', 'usr_2')
    const { position } = await changesSince(db, null, MOST)
    await reinstate(db, 'account', 'usr_2')
    const [changed] = (await changesSince(db, position, MOST)).revocations
    t.ok(Math.abs((changed?.issuedUntil ?? 0) - Date.now() / 1000) < 5)
    await revoke(db, 'account', 'usr_2')
    t.match(await findAbout(db, about), [{ issuedUntil: null }])
  })

  t.test('the newest come first when there are too many', async (t) => {
    await db.deleteFrom('revocations').execute()
    for (const [hours, subject] of ['c', 'b', 'a'].entries()) {
      await revoke(db, 'grant', subject)
      await sql`update revocations set revoked_at = now() - make_interval(hours => ${hours}) where subject = ${subject}`.execute(
        db,
      )
    }
    const { revocations: two } = await changesSince(db, null, 2)
    t.same(
      two.map(({ subject }) => subject),
      ['c', 'b'],
    )
  })

  t.test('an expired one is not found, and is deleted', async (t) => {
    await db.deleteFrom('revocations').execute()
    await revoke(db, 'grant', 'over', 0)
    await revoke(db, 'grant', 'lasting')
    t.match((await changesSince(db, null, MOST)).revocations, [{ subject: 'lasting' }])
    t.same(await findAbout(db, { grantId: 'over', subject: 'x', clientId: 'x' }), [])
    t.equal(await deleteExpired(db, 10), 1)
    t.equal(await deleteExpired(db, 10), 0)
    t.match(await db.selectFrom('revocations').select('subject').execute(), [{ subject: 'lasting' }])
  })
})

t.test('a transaction that began first and commits last is not left out', async (t) => {
  const { one, two } = await createReplicas(t)
  const { position } = await changesSince(one, null, MOST)
  const written = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const late = two.transaction().execute(async (transaction) => {
    await revoke(transaction, 'grant', 'late')
    written.resolve()
    await goOn.promise
  })
  await written.promise
  await revoke(one, 'grant', 'early')
  const between = await changesSince(one, position, MOST)
  t.match(between.revocations, [{ subject: 'early' }])
  goOn.resolve()
  await late
  const { revocations: after } = await changesSince(one, between.position, MOST)
  t.ok(
    after.some(({ subject }) => subject === 'late'),
    'although its number is the lower one',
  )
})

t.test('revoking everything waits for the token request that is under way', async (t) => {
  const { one, two } = await createReplicas(t)
  const written = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const row = { model: 'RefreshToken', id_hash: 'x', payload: '{}' }
  const request = two.transaction().execute(async (transaction) => {
    await transaction.insertInto('artifacts').values(row).execute()
    written.resolve()
    await goOn.promise
  })
  await written.promise
  const revoking = revokeAll(one)
  goOn.resolve()
  await Promise.all([request, revoking])
  t.same(await one.selectFrom('artifacts').select('model').execute(), [], 'what it issued is gone too')
})

for (const kind of ['postgres', 'embedded'] as const) {
  t.test(`each commit notifies who listens, a rollback nobody (${kind})`, async (t) => {
    const { db, config, ...storage } = await createTestDatabase(t, { kind })
    const other = kind === 'postgres' ? await openDatabase(config) : null
    if (other) t.teardown(() => other.close())
    let heard = 0
    const waiting: (() => void)[] = []
    const listener = await storage.listen(REVOCATIONS_CHANNEL, () => {
      heard++
      waiting.shift()?.()
    })
    t.teardown(() => listener.close())
    while (listener.db() === null) await new Promise((resolve) => setTimeout(resolve, 5))

    await t.rejects(
      (other ?? { db }).db.transaction().execute(async (transaction) => {
        await revoke(transaction, 'grant', 'undone')
        throw new Error('undone')
      }),
    )
    const next = new Promise<void>((resolve) => waiting.push(resolve))
    await revoke((other ?? { db }).db, 'grant', 'grant-1')
    await next
    t.equal(heard, 1)
    await sql`select 1`.execute(listener.db() ?? db)
  })
}
