// Owns what the one look at a token request's records finds, on both databases: the same as looking for each.
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import * as artifactEnds from '../../src/storage/artifact-ends.ts'
import * as artifactUses from '../../src/storage/artifact-uses.ts'
import * as artifacts from '../../src/storage/artifacts.ts'
import * as clients from '../../src/storage/clients.ts'
import type { Database } from '../../src/storage/database.ts'
import { hashToken } from '../../src/storage/hash.ts'
import * as tokenRecords from '../../src/storage/token-records.ts'
import * as users from '../../src/storage/users.ts'
import { onEveryDatabase } from '../support/database.ts'

const MODEL = 'AuthorizationCode'

onEveryDatabase(t, async (t, db) => {
  await t.test('everything is found, as by itself', async (t) => {
    const question = await arrange(db)
    const { client, presented, grant, holder } = await tokenRecords.find(db, question)

    t.match(await clients.find(db, question.clientId), { ...client })
    t.same(client?.metadata, { client_name: 'ü' })
    t.same(presented, await artifacts.find(db, MODEL, question.idHash))
    t.match(presented, { consumedAt: null, secondsSinceConsumed: null })
    t.same(grant?.payload, { kind: 'Grant' })
    t.same(grant?.idHash, question.grantHash)
    t.match(await users.findById(db, holder?.id ?? ''), { ...holder })
  })

  await t.test('what was consumed says since when', async (t) => {
    const question = await arrange(db)
    await artifactUses.consumeOnce(db, MODEL, question.idHash, 'successor')
    const { presented } = await tokenRecords.find(db, question)
    t.match(presented, { successorSealed: 'successor', secondsSinceConsumed: Number })
    t.type(presented?.consumedAt, Date)
  })

  await t.test('what is not there, or has expired, is null, and the rest is found', async (t) => {
    const question = await arrange(db)
    const unknownClient = await tokenRecords.find(db, { ...question, clientId: 'unknown' })
    t.equal(unknownClient.client, null)
    t.ok(unknownClient.presented && unknownClient.grant && unknownClient.holder)

    const otherModel = await tokenRecords.find(db, { ...question, model: 'RefreshToken' })
    t.match(otherModel, { presented: null, grant: null, holder: null })
    t.ok(otherModel.client)

    await artifactEnds.destroy(db, 'Grant', question.grantHash)
    t.match(await tokenRecords.find(db, question), { grant: null, presented: { idHash: question.idHash } })

    await db
      .updateTable('artifacts')
      .set({ expires_at: sql`now()` })
      .where('id_hash', '=', question.idHash)
      .execute()
    t.match(await tokenRecords.find(db, question), { presented: null, holder: null })
  })
})

async function arrange(db: Database) {
  const random = () => randomBytes(16).toString('base64url')
  const [clientId, code, grantId] = [random(), random(), random()]
  await clients.save(db, { id: clientId, metadata: { client_name: 'ü' }, expiresInSeconds: null })
  const { user } = await users.create(db, {
    email: `${random()}@example.org`,
    name: 'Ada',
    passwordHash: null,
    role: 'member',
  })
  const common = { clientId, uid: null, userCode: null, sealedId: null, expiresInSeconds: 60 }
  const accountId = user?.id ?? null
  const [idHash, grantHash] = [hashToken(code), hashToken(grantId)]
  await artifacts.upsert(db, {
    ...common,
    model: MODEL,
    idHash,
    accountId,
    grantId,
    payload: { kind: MODEL },
  })
  await artifacts.upsert(db, {
    ...common,
    model: 'Grant',
    idHash: grantHash,
    accountId,
    grantId: null,
    payload: { kind: 'Grant' },
  })
  return { clientId, model: MODEL, idHash, grantHash }
}
