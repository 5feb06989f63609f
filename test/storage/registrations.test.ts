// Owns what the storage of unused registrations promises, on both databases.

import t from 'tap'
import * as clients from '../../src/storage/clients.ts'
import type { Database } from '../../src/storage/database.ts'
import * as registrations from '../../src/storage/registrations.ts'
import * as users from '../../src/storage/users.ts'
import { onEveryDatabase } from '../support/database.ts'
import { createReplicas } from '../support/database-replicas.ts'

const NOTE = { shared: true }

async function register(db: Database, id: string, twinHash: string | null, from = 'here') {
  await registrations.save(db, { id, metadata: { id }, twinHash, from, expiresInSeconds: 60 })
}

const share = (db: Database, twinHash: string) =>
  registrations.share(db, { twinHash, note: NOTE, expiresInSeconds: 60 })

async function createUser(db: Database, email: string) {
  const { user } = await users.create(db, { email, name: '', passwordHash: null, role: 'member' })
  if (!user) throw new Error('expected a user')
  return user
}

onEveryDatabase(t, async (t, db) => {
  await t.test('an unused client is shared with its twin, which is noted; a used one is not', async (t) => {
    const { id: userId } = await createUser(db, 'twin@example.org')
    await register(db, 'a', 'twin')
    t.equal(await share(db, 'other'), null)
    t.equal(await share(db, 'twin'), 'a')
    t.same((await clients.find(db, 'a'))?.metadata, { id: 'a', ...NOTE })
    await clients.claim(db, 'a', userId, 3600)
    t.equal(await share(db, 'twin'), null)
  })

  await t.test('saving a shared client again leaves what is noted about it', async (t) => {
    await register(db, 'b', 'again')
    await share(db, 'again')
    await register(db, 'b', 'again')
    t.same((await clients.find(db, 'b'))?.metadata, { id: 'b', ...NOTE })
  })

  await t.test('an expired one is not shared', async (t) => {
    await registrations.save(db, {
      id: 'late',
      metadata: {},
      twinHash: 'late',
      from: '',
      expiresInSeconds: 0,
    })
    t.equal(await share(db, 'late'), null)
  })

  await t.test('whoever registered most makes room; used clients and an operator’s never do', async (t) => {
    await db.deleteFrom('oauth_clients').execute()
    const { id: userId } = await createUser(db, 'flood@example.org')
    await register(db, 'used', null)
    await clients.claim(db, 'used', userId, 3600)
    await clients.save(db, { id: 'ours', metadata: {}, expiresInSeconds: null, madeBy: 'operator' })
    await register(db, 'quiet', null, 'elsewhere')
    for (let n = 0; n < 10; n++) await register(db, `flood${n}`, null, 'flood')
    const oldest = ['flood0', 'flood1']
    await db
      .updateTable('oauth_clients')
      .set({ created_at: new Date(Date.now() - 60_000) })
      .where('id', 'in', oldest)
      .execute()
    t.equal(await registrations.evict(db, 11), 0)
    t.equal(await registrations.evict(db, 10), 2)
    const left = (await clients.list(db)).map(({ id }) => id)
    t.ok(['used', 'ours', 'quiet', 'flood9'].every((id) => left.includes(id)))
    t.notOk(
      oldest.some((id) => left.includes(id)),
      'the oldest of the flood went',
    )
  })
})

t.test(
  'a client that somebody agrees to while it is handed out again is either shared or not given',
  async (t) => {
    const { one, race } = await createReplicas(t)
    const { id: userId } = await createUser(one, 'race@example.org')
    await register(one, 'raced', 'raced')
    const given = await race(async (db, index) =>
      index === 7 ? void (await clients.claim(db, 'raced', userId, 3600)) : share(db, 'raced'),
    )
    const shared = given.some((id) => id === 'raced')
    t.equal((await clients.find(one, 'raced'))?.metadata.shared === true, shared)
    t.equal(await share(one, 'raced'), null)
  },
)
