// Owns what spending one thing and storing what it is spent for promise together, on both databases and between two replicas.
import { randomBytes } from 'node:crypto'
import t from 'tap'
import * as artifactEnds from '../../src/storage/artifact-ends.ts'
import type * as artifactRows from '../../src/storage/artifact-row.ts'
import * as artifactUses from '../../src/storage/artifact-uses.ts'
import * as artifacts from '../../src/storage/artifacts.ts'
import type { Database } from '../../src/storage/database.ts'
import { hashToken } from '../../src/storage/hash.ts'
import { onEveryDatabase } from '../support/database.ts'
import { createReplicas } from '../support/database-replicas.ts'

const MODEL = 'RefreshToken'

function artifact(changes: Partial<artifactRows.NewArtifact> = {}): artifactRows.NewArtifact {
  return {
    model: MODEL,
    idHash: hashToken(randomBytes(16).toString('hex')),
    payload: { kind: MODEL, nested: { list: [1, 'ü', null] } },
    grantId: 'grant',
    accountId: 'account',
    clientId: 'client',
    uid: null,
    userCode: null,
    sealedId: null,
    expiresInSeconds: 60,
    ...changes,
  }
}

/** One to spend, and how to spend it. */
async function store(
  db: Database,
  changes: Partial<artifactRows.NewArtifact> = {},
): Promise<artifactUses.Spent> {
  const stored = artifact(changes)
  await artifacts.upsert(db, stored)
  return { model: MODEL, idHash: stored.idHash, successorSealed: 'sealed' }
}

onEveryDatabase(t, async (t, db) => {
  await t.test('the one is consumed and the other stored, as by themselves', async (t) => {
    const spent = await store(db)
    const issued = artifact()
    t.equal(await artifactUses.replaceOnce(db, spent, issued), true)

    const consumed = await artifacts.find(db, MODEL, spent.idHash)
    t.type(consumed?.consumedAt, Date)
    t.equal(consumed?.successorSealed, 'sealed')
    const found = await artifacts.find(db, MODEL, issued.idHash)
    t.match(found, { consumedAt: null, payload: issued.payload })
    t.equal(await artifactEnds.revokeByGrant(db, 'grant'), 2, 'with all that it is found by')
  })

  await t.test('when there is nothing to spend, nothing is stored', async (t) => {
    const consumed = await store(db)
    await artifactUses.consumeOnce(db, MODEL, consumed.idHash, 'earlier')
    const expired = await store(db, { expiresInSeconds: 0 })
    const unknown = { ...consumed, idHash: hashToken('unknown') }
    for (const spent of [consumed, expired, unknown]) {
      const issued = artifact()
      t.equal(await artifactUses.replaceOnce(db, spent, issued), false)
      t.equal(await artifacts.find(db, MODEL, issued.idHash), null)
    }
    t.equal((await artifacts.find(db, MODEL, consumed.idHash))?.successorSealed, 'earlier')
    t.equal(await artifactUses.replaceOnce(db, await store(db), artifact()), true)
  })

  await t.test('when the other cannot be stored, nothing is spent', async (t) => {
    const spent = await store(db)
    const there = artifact()
    await artifacts.upsert(db, there)
    await t.rejects(artifactUses.replaceOnce(db, spent, there))
    t.equal(await artifactUses.replaceOnce(db, spent, artifact()), true)
  })
})

t.test('of 20 calls on two replicas one succeeds, and one row is stored', async (t) => {
  const { one, race } = await createReplicas(t)
  const spent = await store(one)
  const issued = Array.from({ length: 20 }, () => artifact({ grantId: 'raced' }))
  const results = await race((db, index) => artifactUses.replaceOnce(db, spent, issued[index] ?? artifact()))
  t.equal(results.filter(Boolean).length, 1)
  t.equal(await artifactEnds.revokeByGrant(one, 'raced'), 1)
})
