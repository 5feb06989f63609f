// Owns the promises of what is stored about logins at upstreams: sealed, single use, and changed by one at a time.

import t from 'tap'
import { resealAll } from '../../src/storage/resealing.ts'
import { createKeyring } from '../../src/storage/sealing.ts'
import * as renewals from '../../src/storage/upstream-connection-renewal.ts'
import * as rows from '../../src/storage/upstream-connection-row.ts'
import * as connections from '../../src/storage/upstream-connections.ts'
import * as logins from '../../src/storage/upstream-logins.ts'
import * as registrations from '../../src/storage/upstream-registrations.ts'
import * as users from '../../src/storage/users.ts'
import { onEveryDatabase } from '../support/database.ts'

const OLD = 'an old secret key of more than thirty-two characters'
const NEW = 'a new secret key of more than thirty-two characters!'
const keyring = createKeyring([OLD])

const TOKENS = { secret: '{"access":"planted-access"}', scopes: new Set(['read']), goodUntil: null }
const LATER = { ...TOKENS, secret: '{"access":"planted-later"}' }

onEveryDatabase(t, async (t, db) => {
  const { user } = await users.create(db, {
    email: 'alice@example.com',
    name: 'Alice',
    passwordHash: null,
    role: 'member',
  })
  if (!user) return t.fail('nobody was created')
  const key = { owner: user.id, upstream: 'notion' }
  const bound = { ...key, userId: user.id, boundTo: 'https://mcp.notion.example/mcp ureg_1' }

  await t.test('a login is taken once, in the session of the person that began it', async (t) => {
    const login = { ...key, userId: user.id, sessionId: 'session-1', secret: 'the verifier' }
    const state = await logins.begin(db, keyring, login)
    const stored = await db.selectFrom('upstream_logins').selectAll().execute()
    t.notMatch(JSON.stringify(stored), /the verifier|session-1/)
    t.notMatch(JSON.stringify(stored), state)

    t.equal(await logins.take(db, keyring, state, { userId: user.id, sessionId: 'session-2' }), null)
    t.equal(await logins.take(db, keyring, state, { userId: 'usr_bob', sessionId: 'session-1' }), null)
    const taken = await Promise.all(
      Array.from({ length: 20 }, () => logins.take(db, keyring, state, { ...login })),
    )
    t.same(
      taken.filter((each) => each !== null),
      [login],
    )
  })

  await t.test('a login that is not finished in time is gone', async (t) => {
    const login = { ...key, userId: user.id, sessionId: 'session-1', secret: 'the verifier' }
    const state = await logins.begin(db, keyring, login)
    await db
      .updateTable('upstream_logins')
      .set({ expires_at: new Date(0) })
      .execute()
    t.equal(await logins.take(db, keyring, state, login), null)
    t.equal(await logins.deleteExpired(db, 10), 1)
  })

  await t.test('a registration is made once, whoever comes first, and its secret is sealed', async (t) => {
    const server = {
      issuer: 'https://id.notion.example',
      redirectUri: 'https://gate.example/connect/callback',
    }
    const made = await Promise.all(
      ['one', 'two', 'three'].map((clientId) =>
        registrations.keep(db, keyring, {
          ...server,
          clientId,
          clientSecret: `planted-secret-${clientId}`,
          metadata: {},
          expiresAt: null,
        }),
      ),
    )
    t.equal(new Set(made.map(({ clientId }) => clientId)).size, 1)
    const found = await registrations.find(db, keyring, server.issuer, server.redirectUri)
    t.same(found, made[0])
    const rows = await db.selectFrom('upstream_registrations').selectAll().execute()
    t.notMatch(JSON.stringify(rows), 'planted-secret')
    t.equal(await registrations.find(db, keyring, 'https://other.example', server.redirectUri), null)
  })

  await t.test('a connection is sealed for its row, and a new login takes its place', async (t) => {
    const first = await connections.connect(db, keyring, bound, TOKENS)
    t.match(await connections.find(db, keyring, key), { state: 'connected', ...TOKENS, version: first })
    t.equal(await connections.find(db, keyring, { ...key, owner: connections.EVERYBODY }), null)
    const rows = await db.selectFrom('upstream_connections').selectAll().execute()
    t.notMatch(JSON.stringify(rows), 'planted')

    const moved = { ...bound, owner: connections.EVERYBODY, userId: null }
    await connections.connect(db, keyring, moved, LATER)
    await db
      .updateTable('upstream_connections')
      .set({ sealed: rows[0]?.sealed ?? null })
      .where('owner', '=', connections.EVERYBODY)
      .execute()
    const foreign = await connections.find(db, keyring, { ...key, owner: connections.EVERYBODY })
    t.match(foreign, { state: 'expired', secret: null }, 'what was moved opens for nobody')
    await connections.remove(db, keyring, { ...key, owner: connections.EVERYBODY })
  })

  await t.test('what was begun with a connection that ended is not stored in the next one', async (t) => {
    const version = await connections.connect(db, keyring, bound, TOKENS)
    await connections.remove(db, keyring, key)
    await new Promise((resolve) => setTimeout(resolve, 5))
    const next = await connections.connect(db, keyring, bound, LATER)
    t.equal(await renewals.renewed(db, keyring, { ...key, version }, TOKENS), false)
    t.match(await connections.find(db, keyring, key), LATER)
    t.equal(await renewals.renewed(db, keyring, { ...key, version: next }, TOKENS), true)
  })

  await t.test('it is renewed by one at a time, and only from the version that was leased', async (t) => {
    const version = await connections.connect(db, keyring, bound, TOKENS)
    const held = await Promise.all(
      Array.from({ length: 20 }, () => renewals.lease(db, { ...key, version }, 30)),
    )
    t.equal(held.filter((each) => each !== null).length, 1)
    t.match(await connections.find(db, keyring, key), { leased: true })

    t.equal(await renewals.renewed(db, keyring, { ...key, version }, LATER), true)
    t.match(await connections.find(db, keyring, key), { ...LATER, leased: false, version: version + 1 })
    t.equal(await renewals.renewed(db, keyring, { ...key, version }, TOKENS), false)
    t.equal(await renewals.lease(db, { ...key, version }, 30), null, 'it has changed since')

    const abandoned = await renewals.lease(db, { ...key, version: version + 1 }, 0)
    t.ok(abandoned)
    const next = await renewals.lease(db, { ...key, version: version + 1 }, 30)
    t.ok(next, 'a lease whose holder did not come back is over')
    await renewals.release(db, key, abandoned ?? '', 'late')
    t.match(
      await connections.find(db, keyring, key),
      { leased: true, why: null },
      'the old holder ends nothing',
    )
    await renewals.release(db, key, next ?? '', 'out')
    t.match(await connections.find(db, keyring, key), { leased: false, why: 'out', state: 'connected' })
  })

  await t.test('what expired holds nothing, says why, and is not renewed', async (t) => {
    const version = await connections.connect(db, keyring, bound, TOKENS)
    t.equal(await renewals.expire(db, { ...key, version }, 'Notion ended it.'), true)
    const expired = { state: 'expired', why: 'Notion ended it.', secret: null }
    t.match(await connections.find(db, keyring, key), expired)
    t.equal(await renewals.lease(db, { ...key, version: version + 1 }, 30), null)
    t.match(await connections.listOf(db, keyring, [user.id, connections.EVERYBODY]), [expired])
  })

  await t.test('a reserved place is filled by one, and nothing takes it but for another place', async (t) => {
    const shared = { owner: connections.EVERYBODY, upstream: 'ledger' }
    const find = () => connections.find(db, keyring, shared)
    await connections.reserve(db, { ...shared, boundTo: 'here' })
    const { version = 0 } = (await find()) ?? {}
    const held = await renewals.lease(db, { ...shared, version }, 30)
    t.ok(held)
    t.equal(await renewals.lease(db, { ...shared, version }, 30), null)
    await connections.reserve(db, { ...shared, boundTo: 'here' })
    t.match(await find(), { version, leased: true, state: 'error', secret: null })

    await renewals.fail(db, shared, 'somebody else', 'not this')
    t.match(await find(), { leased: true, why: null })
    await renewals.fail(db, shared, held ?? '', 'Ledger said no.')
    t.match(await find(), { leased: false, why: 'Ledger said no.', version })
    t.ok(await renewals.lease(db, { ...shared, version }, 30), 'it may be tried again')
    await renewals.renewed(db, keyring, { ...shared, version }, LATER)
    await connections.reserve(db, { ...shared, boundTo: 'here' })
    t.match(await find(), { ...LATER, state: 'connected' })
    await connections.reserve(db, { ...shared, boundTo: 'elsewhere' })
    t.match(await find(), { state: 'error', secret: null, boundTo: 'elsewhere' })
  })

  await t.test(
    'uses are noted, removing returns what was held, and a deleted person leaves nothing',
    async (t) => {
      await connections.connect(db, keyring, bound, TOKENS)
      await connections.touch(db, [key])
      t.ok((await connections.find(db, keyring, key))?.lastUsedAt)
      t.match(await connections.remove(db, keyring, key), TOKENS)
      t.equal(await connections.remove(db, keyring, key), null)
      await connections.connect(db, keyring, bound, TOKENS)
      await db.deleteFrom('users').where('id', '=', user.id).execute()
      t.equal(await connections.find(db, keyring, key), null)
    },
  )

  await t.test('both are sealed again under a new key', async (t) => {
    const shared = { ...key, owner: connections.EVERYBODY }
    await connections.connect(db, keyring, { ...shared, userId: null, boundTo: 'x' }, TOKENS)
    const both = createKeyring([NEW, OLD])
    const kinds = [registrations.resealRegistrations, rows.resealConnections]
    t.match(await resealAll(db, both, kinds), [{ resealed: 1 }, { resealed: 1 }])
    t.match(await connections.find(db, createKeyring([NEW]), shared), TOKENS)
    t.match(await resealAll(db, both, kinds), [{ resealed: 0 }, { resealed: 0 }])
  })
})
