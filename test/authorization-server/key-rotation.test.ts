// Owns what making, rotating and removing signing keys promises, on both databases and between replicas.

import t from 'tap'
import { openSigningKeys, replaceAll, rotate } from '../../src/authorization-server/key-rotation.ts'
import { schedule } from '../../src/authorization-server/key-schedule.ts'
import type { Database } from '../../src/storage/database.ts'
import { createKeyring } from '../../src/storage/sealing.ts'
import * as signingKeys from '../../src/storage/signing-keys.ts'
import { onEveryDatabase } from '../support/database.ts'
import { createReplicas } from '../support/database-replicas.ts'
import { letTimePass } from '../support/signing-keys.ts'

const DAY = 24 * 60 * 60
const keyring = createKeyring(['a secret key of more than thirty-two characters'])
const audit = { signingKeysChanged() {} }

const open = (db: Database, signingKeyRotationSeconds: number | null = 90 * DAY) =>
  openSigningKeys({ db, keyring, audit, signingKeyRotationSeconds })
const states = async (db: Database) =>
  schedule(await signingKeys.list(db)).map(({ key, state }) => `${key.alg} ${state}`)

onEveryDatabase(t, async (t, db) => {
  await t.test('the first keys are made once', async (t) => {
    const first = await open(db)
    const again = await open(db)
    t.same(await states(db), ['ES256 signing', 'RS256 signing'])
    t.same(
      again.published().map(({ kid }) => kid),
      first.published().map(({ kid }) => kid),
    )
  })

  await t.test('a rotation goes through every step, and a key keeps its identity meanwhile', async (t) => {
    const keys = await open(db)
    const [first] = keys.published()
    t.ok(first)
    t.equal(await keys.reload(), false, 'nothing is due')

    t.equal((await rotate(db, keyring)).made.length, 2)
    t.equal((await rotate(db, keyring)).made.length, 0, 'the next ones are waiting already')
    t.equal(await keys.reload(), true)
    t.same(await states(db), ['ES256 signing', 'RS256 signing', 'ES256 next', 'RS256 next'])
    t.equal(keys.published()[0], first)

    await letTimePass(db, '1 hour')
    t.equal(await keys.reload(), true)
    t.same(await states(db), ['ES256 signing', 'RS256 signing', 'ES256 retired', 'RS256 retired'])
    t.not(keys.published()[0], first)
    t.equal(keys.find(first?.kid ?? ''), first)

    await letTimePass(db, '1 day 11 minutes')
    t.equal(await keys.reload(), true)
    t.same(await states(db), ['ES256 signing', 'RS256 signing'])
    t.equal(keys.find(first?.kid ?? ''), null)
  })

  await t.test('on schedule, and by command only when that is off', async (t) => {
    const keys = await open(db)
    await letTimePass(db, '90 days')
    await (await open(db, null)).reload()
    t.equal((await states(db)).length, 2)
    t.equal(await keys.reload(), true)
    t.equal((await states(db)).length, 4)
  })

  await t.test('keys in the wrong hands are replaced at once', async (t) => {
    const keys = await open(db)
    const before = keys.published().map(({ kid }) => kid)
    const { made, removed } = await replaceAll(db, keyring)
    t.same([...removed].sort(), [...before].sort())
    t.equal(await keys.reload(), true)
    t.same(
      keys
        .published()
        .map(({ kid }) => kid)
        .sort(),
      [...made].sort(),
    )
    t.same(await states(db), ['ES256 signing', 'RS256 signing'])
  })

  await t.test('a keyring that opens none of the keys is refused, and makes none', async (t) => {
    const wrong = createKeyring(['another secret key of more than thirty-two characters'])
    const message = /sealed with another SECRET_KEY/
    const before = await signingKeys.list(db)
    await t.rejects(openSigningKeys({ db, keyring: wrong, audit, signingKeyRotationSeconds: null }), message)
    await t.rejects(rotate(db, wrong), message)
    await t.rejects(replaceAll(db, wrong), message)
    t.same(
      (await signingKeys.list(db)).map(({ kid }) => kid),
      before.map(({ kid }) => kid),
    )
    t.equal((await rotate(db, keyring)).made.length, 2, 'the twin: with the right one')
  })
})

t.test('of replicas that start, or rotate, at once, all end with one key', async (t) => {
  const { one, two } = await createReplicas(t)
  const replicas = [one, two, one, two]

  const started = await Promise.all(replicas.map((db) => open(db)))
  t.equal(new Set(started.flatMap((keys) => keys.published().map(({ kid }) => kid))).size, 2)

  const commands = await Promise.all(replicas.map((db) => rotate(db, keyring)))
  t.equal(commands.flatMap(({ made }) => made).length, 2)

  await letTimePass(one, '90 days')
  await Promise.all(started.map((keys) => keys.reload()))
  t.same(await states(two), ['ES256 signing', 'RS256 signing', 'ES256 next', 'RS256 next'])
})
