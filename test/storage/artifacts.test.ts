// Owns what the storage of artifacts promises, on both databases.
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import * as artifactEnds from '../../src/storage/artifact-ends.ts'
import type * as artifactRows from '../../src/storage/artifact-row.ts'
import * as artifactUses from '../../src/storage/artifact-uses.ts'
import * as artifacts from '../../src/storage/artifacts.ts'
import { hashToken } from '../../src/storage/hash.ts'
import { createTransactions } from '../../src/storage/transactions.ts'
import { onEveryDatabase } from '../support/database.ts'
import { createReplicas } from '../support/database-replicas.ts'

const MODEL = 'RefreshToken'

function artifact(changes: Partial<artifactRows.NewArtifact> = {}): artifactRows.NewArtifact {
  return {
    model: MODEL,
    idHash: hashToken(randomBytes(16).toString('hex')),
    payload: { kind: MODEL },
    grantId: null,
    accountId: null,
    clientId: null,
    uid: null,
    userCode: null,
    sealedId: null,
    expiresInSeconds: 60,
    ...changes,
  }
}

onEveryDatabase(t, async (t, db) => {
  await t.test('what was saved is found under its model and hash, and nowhere else', async (t) => {
    const saved = artifact({ payload: { nested: { list: [1, 'ü', null] } }, sealedId: 'sealed' })
    await artifacts.upsert(db, saved)
    t.same(await artifacts.find(db, MODEL, saved.idHash), {
      model: MODEL,
      idHash: saved.idHash,
      payload: saved.payload,
      sealedId: 'sealed',
      consumedAt: null,
      secondsSinceConsumed: null,
      successorSealed: null,
    })
    t.equal(await artifacts.find(db, 'AuthorizationCode', saved.idHash), null)
    t.equal(await artifacts.find(db, MODEL, hashToken('unknown')), null)
  })

  await t.test('saving again replaces the payload and the expiry', async (t) => {
    const saved = artifact()
    await artifacts.upsert(db, saved)
    await artifacts.upsert(db, { ...saved, payload: { second: true } })
    t.same((await artifacts.find(db, MODEL, saved.idHash))?.payload, { second: true })
    await artifacts.upsert(db, { ...saved, expiresInSeconds: 0 })
    t.equal(await artifacts.find(db, MODEL, saved.idHash), null)
  })

  await t.test('saving again never brings back what was consumed', async (t) => {
    const saved = artifact()
    await artifacts.upsert(db, saved)
    t.equal(await artifactUses.consumeOnce(db, MODEL, saved.idHash, 'its successor'), true)
    await artifacts.upsert(db, saved)
    const found = await artifacts.find(db, MODEL, saved.idHash)
    t.type(found?.consumedAt, Date)
    t.equal(found?.successorSealed, 'its successor')
    t.equal(await artifactUses.consumeOnce(db, MODEL, saved.idHash), false)
  })

  await t.test('an expired artifact is neither found nor consumed; one without expiry stays', async (t) => {
    const expired = artifact({ uid: 'expired', userCode: 'EXPIRED', expiresInSeconds: 0 })
    const endless = artifact({ uid: 'endless', userCode: 'ENDLESS', expiresInSeconds: null })
    await artifacts.upsert(db, expired)
    await artifacts.upsert(db, endless)
    t.equal(await artifacts.find(db, MODEL, expired.idHash), null)
    t.equal(await artifacts.findByUid(db, MODEL, 'expired'), null)
    t.equal(await artifacts.findByUserCode(db, MODEL, 'EXPIRED'), null)
    t.equal(await artifactUses.consumeOnce(db, MODEL, expired.idHash), false)
    t.equal((await artifacts.find(db, MODEL, endless.idHash))?.idHash, endless.idHash)
    t.equal((await artifacts.findByUid(db, MODEL, 'endless'))?.idHash, endless.idHash)
    t.equal((await artifacts.findByUserCode(db, MODEL, 'ENDLESS'))?.idHash, endless.idHash)
    t.equal(await artifactUses.consumeOnce(db, MODEL, endless.idHash), true)
  })

  await t.test('insertOnce takes an identifier once and leaves what is there alone', async (t) => {
    const first = artifact({ model: 'ReplayDetection', payload: { first: true } })
    t.equal(await artifactUses.insertOnce(db, first), true)
    t.equal(await artifactUses.insertOnce(db, { ...first, payload: { first: false } }), false)
    t.same((await artifacts.find(db, 'ReplayDetection', first.idHash))?.payload, { first: true })
    t.equal(await artifactUses.insertOnce(db, { ...first, model: 'Another' }), true, 'of another model')
  })

  await t.test(
    'consuming works once, keeps the first successor, and its age is by the clock of the database',
    async (t) => {
      const saved = artifact()
      await artifacts.upsert(db, saved)
      t.equal(await artifactUses.consumeOnce(db, MODEL, saved.idHash, 'first'), true)
      t.equal(await artifactUses.consumeOnce(db, MODEL, saved.idHash, 'second'), false)
      await db
        .updateTable('artifacts')
        .set({ consumed_at: sql<Date>`now() - interval '1 minute'` })
        .where('id_hash', '=', saved.idHash)
        .execute()
      const found = await artifacts.find(db, MODEL, saved.idHash)
      t.equal(found?.successorSealed, 'first')
      t.ok(Math.abs((found?.secondsSinceConsumed ?? 0) - 60) < 5, 'about a minute')
      t.equal(await artifactUses.consumeOnce(db, MODEL, hashToken('unknown')), false)
    },
  )

  await t.test('destroying removes one', async (t) => {
    const [one, other] = [artifact(), artifact()]
    await artifacts.upsert(db, one)
    await artifacts.upsert(db, other)
    t.equal(await artifactEnds.destroy(db, MODEL, one.idHash), true)
    t.equal(await artifactEnds.destroy(db, MODEL, one.idHash), false)
    t.equal(await artifacts.find(db, MODEL, one.idHash), null)
    t.ok(await artifacts.find(db, MODEL, other.idHash))
  })

  await t.test(
    'revoking a grant removes everything under it, or one kind, and nothing of another',
    async (t) => {
      const code = artifact({ model: 'AuthorizationCode', grantId: 'g1' })
      const token = artifact({ grantId: 'g1' })
      const foreign = artifact({ grantId: 'g2' })
      for (const row of [code, token, foreign]) await artifacts.upsert(db, row)
      t.equal(await artifactEnds.revokeByGrant(db, 'g1', 'AuthorizationCode'), 1)
      t.ok(await artifacts.find(db, MODEL, token.idHash))
      await artifacts.upsert(db, code)
      t.equal(await artifactEnds.revokeByGrant(db, 'g1'), 2)
      t.equal(await artifacts.find(db, MODEL, token.idHash), null)
      t.ok(await artifacts.find(db, MODEL, foreign.idHash))
    },
  )

  await t.test('revoking an account removes what is its own', async (t) => {
    const mine = artifact({ accountId: 'usr_1' })
    const foreign = artifact({ accountId: 'usr_2' })
    await artifacts.upsert(db, mine)
    await artifacts.upsert(db, foreign)
    t.equal(await artifactEnds.revokeByAccount(db, 'usr_1'), 1)
    t.equal(await artifacts.find(db, MODEL, mine.idHash), null)
    t.ok(await artifacts.find(db, MODEL, foreign.idHash))
  })

  await t.test('expired artifacts are deleted in bounded steps, live and endless ones stay', async (t) => {
    await artifactEnds.deleteExpired(db, 1_000)
    const kept = [artifact(), artifact({ expiresInSeconds: null })]
    const expired = Array.from({ length: 5 }, () => artifact({ expiresInSeconds: -1 }))
    for (const row of [...kept, ...expired]) await artifacts.upsert(db, row)
    t.same(
      [
        await artifactEnds.deleteExpired(db, 3),
        await artifactEnds.deleteExpired(db, 3),
        await artifactEnds.deleteExpired(db, 3),
      ],
      [3, 2, 0],
    )
    for (const row of kept) t.ok(await artifacts.find(db, MODEL, row.idHash))
  })
})

t.test('on two replicas', async (t) => {
  const { one, two, race } = await createReplicas(t)
  const winners = (results: readonly boolean[]) => results.filter(Boolean).length

  t.test('of 20 parallel calls one consumes, and the successor is the winner’s', async (t) => {
    const saved = artifact()
    await artifacts.upsert(one, saved)
    const results = await race((db, index) =>
      artifactUses.consumeOnce(db, MODEL, saved.idHash, String(index)),
    )
    t.equal(winners(results), 1)
    const found = await artifacts.find(two, MODEL, saved.idHash)
    t.equal(found?.successorSealed, String(results.indexOf(true)))
  })

  t.test('of 20 parallel transactions one consumes, and every loser sees the successor', async (t) => {
    const saved = artifact()
    await artifacts.upsert(one, saved)
    const results = await race((db, index) => {
      const transactions = createTransactions(db)
      return transactions.run(async () => {
        const current = transactions.current()
        const won = await artifactUses.consumeOnce(current, MODEL, saved.idHash, String(index))
        return { won, successor: (await artifacts.find(current, MODEL, saved.idHash))?.successorSealed }
      })
    })
    t.equal(winners(results.map(({ won }) => won)), 1)
    t.equal(new Set(results.map(({ successor }) => successor)).size, 1)
  })

  t.test('when the winner’s transaction rolls back, another call consumes', async (t) => {
    const saved = artifact()
    await artifacts.upsert(one, saved)
    const transactions = createTransactions(one)
    const lost = transactions.run(async () => {
      await artifactUses.consumeOnce(transactions.current(), MODEL, saved.idHash, 'lost')
      throw new Error('the request failed')
    })
    await t.rejects(lost, { message: 'the request failed' })
    t.equal(await artifactUses.consumeOnce(two, MODEL, saved.idHash, 'kept'), true)
    t.equal((await artifacts.find(one, MODEL, saved.idHash))?.successorSealed, 'kept')
  })

  t.test('of 20 parallel calls one inserts', async (t) => {
    const saved = artifact({ model: 'ReplayDetection' })
    t.equal(winners(await race((db) => artifactUses.insertOnce(db, saved))), 1)
  })

  t.test('two that delete expired rows at once share them', async (t) => {
    for (let index = 0; index < 20; index += 1)
      await artifacts.upsert(one, artifact({ expiresInSeconds: -1 }))
    const counts = await race((db) => artifactEnds.deleteExpired(db, 5))
    const rest = await artifactEnds.deleteExpired(one, 100)
    t.equal(
      counts.reduce((sum, count) => sum + count, rest),
      20,
    )
  })
})
