// Owns what the storage of clients and consents promises, on both databases.
import t from 'tap'
import * as clients from '../../src/storage/clients.ts'
import * as consents from '../../src/storage/consents.ts'
import type { Database } from '../../src/storage/database.ts'
import * as users from '../../src/storage/users.ts'
import { onEveryDatabase } from '../support/database.ts'

const DAY = 24 * 60 * 60

async function createUser(db: Database, email: string) {
  const { user } = await users.create(db, { email, name: '', passwordHash: null, role: 'member' })
  if (!user) throw new Error('expected a user')
  return user
}

onEveryDatabase(t, async (t, db) => {
  await t.test('a client is saved, replaced, found and removed', async (t) => {
    const metadata = { client_name: 'Notes “β”', redirect_uris: ['http://127.0.0.1/cb'] }
    await clients.save(db, { id: 'c1', metadata, expiresInSeconds: null })
    t.match(await clients.find(db, 'c1'), { id: 'c1', metadata, lastUsedAt: null, expiresAt: null })
    await clients.save(db, { id: 'c1', metadata: { client_name: 'Renamed' }, expiresInSeconds: 60 })
    t.same((await clients.find(db, 'c1'))?.metadata, { client_name: 'Renamed' })
    t.type((await clients.find(db, 'c1'))?.expiresAt, Date)
    t.equal(await clients.remove(db, 'c1'), true)
    t.equal(await clients.remove(db, 'c1'), false)
    t.equal(await clients.find(db, 'c1'), null)
  })

  await t.test('an expired client is not found, and deleted in bounded steps; others stay', async (t) => {
    await clients.save(db, { id: 'live', metadata: {}, expiresInSeconds: 60 })
    for (const id of ['e1', 'e2', 'e3']) await clients.save(db, { id, metadata: {}, expiresInSeconds: 0 })
    t.equal(await clients.find(db, 'e1'), null)
    t.same([await clients.deleteExpired(db, 2), await clients.deleteExpired(db, 2)], [2, 1])
    t.ok(await clients.find(db, 'live'))
  })

  await t.test(
    'use prolongs the life of what was registered, and makes nothing of an operator expire',
    async (t) => {
      await clients.save(db, { id: 'busy', metadata: {}, expiresInSeconds: 60 })
      await clients.save(db, { id: 'ours', metadata: {}, expiresInSeconds: null, madeBy: 'operator' })
      await clients.touch(db, ['busy', 'ours', 'unknown'], DAY)
      const [busy, ours] = [await clients.find(db, 'busy'), await clients.find(db, 'ours')]
      t.ok(Number(busy?.expiresAt) > Date.now() + 60_000 * 60)
      t.equal(ours?.expiresAt, null)
      t.ok(busy?.lastUsedAt && ours?.lastUsedAt)
      await clients.touch(db, [], DAY)
    },
  )

  await t.test('the first person who agrees to a registered client is its owner', async (t) => {
    const [one, two] = [
      await createUser(db, 'owner1@example.org'),
      await createUser(db, 'owner2@example.org'),
    ]
    await clients.save(db, { id: 'owned', metadata: {}, expiresInSeconds: 60 })
    t.equal(await clients.claim(db, 'owned', one.id, DAY), true)
    t.equal(await clients.claim(db, 'owned', two.id, DAY), true)
    t.equal((await clients.find(db, 'owned'))?.ownerId, one.id)
    await clients.save(db, { id: 'operated', metadata: {}, expiresInSeconds: null, madeBy: 'operator' })
    t.equal(await clients.claim(db, 'operated', one.id, DAY), true)
    t.equal((await clients.find(db, 'operated'))?.ownerId, null, 'the operator stays the owner')
    t.equal(await clients.claim(db, 'https://app.example/client.json', one.id, DAY), false)
  })

  await t.test('what people agreed to goes with the client, and nothing else', async (t) => {
    const { id: userId } = await createUser(db, 'gone@example.org')
    const rest = {
      userId,
      resource: '',
      scopes: new Set(['openid']),
      redirectHost: '',
      clientFingerprint: '',
    }
    const ids = ['removed', 'expired', 'kept']
    for (const id of ids) {
      await clients.save(db, { id, metadata: {}, expiresInSeconds: id === 'expired' ? 0 : 60 })
      await consents.remember(db, { ...rest, clientId: id })
    }
    await clients.remove(db, 'removed')
    await clients.deleteExpired(db, 100)
    t.same(
      (await consents.list(db, userId)).map(({ clientId }) => clientId),
      ['kept'],
    )
  })

  await t.test('consent is remembered per person, client and resource', async (t) => {
    const { id: userId } = await createUser(db, 'one@example.org')
    const key = { userId, clientId: 'c', resource: 'https://gate.example/mcp/notes' }
    const consent = {
      ...key,
      scopes: new Set(['notes:read']),
      redirectHost: 'app.example',
      clientFingerprint: 'f',
    }
    await consents.remember(db, consent)
    t.match(await consents.find(db, key), consent)
    t.equal(await consents.find(db, { ...key, resource: 'https://gate.example/mcp/mail' }), null)
    t.equal(await consents.find(db, { ...key, clientId: 'd' }), null)
    t.equal(await consents.find(db, { ...key, userId: users.newUserId() }), null)
  })

  await t.test('consent given again replaces what was remembered', async (t) => {
    const { id: userId } = await createUser(db, 'two@example.org')
    const key = { userId, clientId: 'c', resource: '' }
    const first = { ...key, scopes: new Set(['openid', 'email']), redirectHost: 'a', clientFingerprint: 'a' }
    await consents.remember(db, first)
    await consents.remember(db, { ...first, scopes: new Set(['openid']), redirectHost: 'b' })
    const found = await consents.find(db, key)
    t.same([...(found?.scopes ?? [])], ['openid'])
    t.equal(found?.redirectHost, 'b')
    t.equal((await consents.list(db, userId)).length, 1)
  })

  await t.test('consent is noted as used, withdrawn, and goes with the person', async (t) => {
    const { id: userId } = await createUser(db, 'three@example.org')
    const [one, two] = [
      { userId, clientId: 'one', resource: '' },
      { userId, clientId: 'two', resource: '' },
    ]
    const agreed = { scopes: new Set(['openid']), redirectHost: '', clientFingerprint: '' }
    await consents.remember(db, { ...one, ...agreed })
    await consents.remember(db, { ...two, ...agreed })
    await consents.touch(db, one)
    const used = await consents.find(db, one)
    t.ok(used && used.lastUsedAt >= used.grantedAt)
    t.same([await consents.remove(db, one), await consents.remove(db, one)], [true, false])
    t.same(
      (await consents.list(db, userId)).map(({ clientId }) => clientId),
      ['two'],
    )
    await db.deleteFrom('users').where('id', '=', userId).execute()
    t.same(await consents.list(db, userId), [])
  })
})
