// Owns what sealing again promises, on both databases: everything readable ends under the first key, nothing else is touched.

import t from 'tap'
import { sealedRecords } from '../../src/authorization-server/sealed-records.ts'
import * as artifacts from '../../src/storage/artifacts.ts'
import type { Database } from '../../src/storage/database.ts'
import { hashToken } from '../../src/storage/hash.ts'
import { resealAll } from '../../src/storage/resealing.ts'
import { createKeyring, type Keyring } from '../../src/storage/sealing.ts'
import * as signingKeys from '../../src/storage/signing-keys.ts'
import { onEveryDatabase } from '../support/database.ts'

const OLD = 'an old secret key of more than thirty-two characters'
const NEW = 'a new secret key of more than thirty-two characters!'
const LOST = 'a lost secret key of more than thirty-two characters'
const before = createKeyring([OLD])
const between = createKeyring([NEW, OLD])
const after = createKeyring([NEW])

/** More than a batch of them. */
const SESSIONS = 130

async function storeSession(db: Database, id: string, keyring: Keyring): Promise<void> {
  const idHash = hashToken(id)
  await artifacts.upsert(db, {
    model: 'Session',
    idHash,
    payload: { sealed: keyring.seal('artifact-payload', `payload of ${id}`, `Session${idHash}`) },
    sealedId: keyring.seal('artifact-identifier', id, `Session${idHash}`),
    grantId: null,
    accountId: null,
    clientId: null,
    uid: `uid of ${id}`,
    userCode: null,
    expiresInSeconds: 60,
  })
}

async function readSession(db: Database, id: string, keyring: Keyring) {
  const idHash = hashToken(id)
  const row = await artifacts.find(db, 'Session', idHash)
  const open = (purpose: string, sealed: unknown) =>
    keyring.open(purpose, String(sealed), `Session${idHash}`)?.toString() ?? null
  return [open('artifact-payload', row?.payload.sealed), open('artifact-identifier', row?.sealedId)]
}

onEveryDatabase(t, async (t, db) => {
  const ids = Array.from({ length: SESSIONS }, (_, index) => `session-${index}`)
  for (const id of ids) await storeSession(db, id, before)
  await storeSession(db, 'new', after)
  await storeSession(db, 'lost', createKeyring([LOST]))
  const grant = { model: 'Grant', idHash: hashToken('grant'), payload: { accountId: 'usr_1' } }
  const plain = { grantId: null, accountId: null, clientId: null, uid: null, userCode: null, sealedId: null }
  await artifacts.upsert(db, { ...grant, ...plain, expiresInSeconds: null })
  const key = { kid: 'k1', alg: 'ES256', publicJwk: { kty: 'EC' } }
  await signingKeys.create(db, { ...key, sealedPrivate: before.seal('signing-key', 'private', 'k1') })

  await t.test('everything sealed with an older key is sealed with the first', async (t) => {
    t.same(await readSession(db, 'session-7', after), [null, null])
    const done = await resealAll(db, between, sealedRecords)

    t.match(done, [
      { resealed: 1, unreadable: 0 },
      { resealed: SESSIONS, unreadable: 1 },
      { resealed: SESSIONS, unreadable: 1 },
    ])
    for (const id of [...ids, 'new']) t.same(await readSession(db, id, after), [`payload of ${id}`, id])
    const [stored] = await signingKeys.list(db)
    t.equal(after.open('signing-key', stored?.sealedPrivate ?? '', 'k1')?.toString(), 'private')
  })

  await t.test('what opens with no key stays as it is, and so does what is not sealed', async (t) => {
    const lost = createKeyring([LOST])
    t.same(await readSession(db, 'lost', lost), ['payload of lost', 'lost'])
    t.same((await artifacts.find(db, 'Grant', grant.idHash))?.payload, grant.payload)
  })

  await t.test('a second time there is nothing left to do', async (t) => {
    t.match(await resealAll(db, between, sealedRecords), [{ resealed: 0 }, { resealed: 0 }, { resealed: 0 }])
  })

  await t.test('told to stop, it does', async (t) => {
    await storeSession(db, 'session-1', before)
    const stopped = await resealAll(db, between, sealedRecords, AbortSignal.abort())
    t.match(stopped, [{ resealed: 0 }, { resealed: 0 }, { resealed: 0 }])
    t.match(await resealAll(db, between, sealedRecords), [{ resealed: 0 }, { resealed: 1 }, { resealed: 1 }])
  })

  await t.test('a value that was saved meanwhile is not overwritten', async (t) => {
    const [reseal] = sealedRecords
    await db
      .updateTable('signing_keys')
      .set({ sealed_private: before.seal('signing-key', 'private', 'k1') })
      .execute()
    const meanwhile: Keyring = {
      ...between,
      open(purpose, sealed, aad) {
        saved = db.updateTable('signing_keys').set({ sealed_private: 'saved meanwhile' }).execute()
        return between.open(purpose, sealed, aad)
      },
    }
    let saved: Promise<unknown> = Promise.resolve()
    await reseal?.(db, meanwhile)
    await saved
    t.equal((await signingKeys.list(db))[0]?.sealedPrivate, 'saved meanwhile')
  })
})
