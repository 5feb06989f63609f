// Owns the promises of the list of revocations: certain at once, asked when it is not, and blind no longer than is told.

import t, { type Test } from 'tap'
import {
  createRevocationList,
  type RevocationLimits,
} from '../../src/authorization-server/revocation-list.ts'
import type { Caller } from '../../src/oauth/caller.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { isOutage } from '../../src/storage/outage.ts'
import * as revocations from '../../src/storage/revocations.ts'
import { until } from '../gateway/stage.ts'
import { createTestDatabase } from '../support/database.ts'
import { startDatabasePath } from '../support/database-path.ts'

const NOW = Math.floor(Date.now() / 1000)

function caller(grantId: string, issuedAt = NOW): Caller {
  const scopes: ReadonlySet<string> = new Set()
  const token = { subject: 'usr_1', clientId: 'client-1', resource: 'r', consentedAt: null, groups: scopes }
  return { ...token, grantId, scopes, issuedAt, expiresAt: issuedAt + 600 }
}

async function scene(t: Test, limits: Partial<RevocationLimits> = {}) {
  const { db, config } = await createTestDatabase(t)
  if (config.kind !== 'postgres') throw new Error('not PostgreSQL')
  const path = await startDatabasePath(t, config.url)
  const storage = await openDatabase({ kind: 'postgres', url: path.url })
  const told: string[] = []
  const list = await createRevocationList({
    storage,
    limits,
    onBlind: () => told.push('blind'),
    onSighted: () => told.push('sighted'),
  })
  t.teardown(async () => {
    await path.cut()
    await list.close()
    await storage.close()
  })
  return { db, path, list, told }
}

t.test('while it is certain it answers without a promise', async (t) => {
  const { db, list } = await scene(t)
  t.equal(list.isRevoked(caller('grant-1')), false)
  await revocations.revoke(db, 'grant', 'grant-1')
  await until(() => list.isRevoked(caller('grant-1')) === true)
  t.equal(list.isRevoked(caller('grant-2')), false)
})

t.test('what was revoked before it began is known from the beginning', async (t) => {
  const { db, config, ...storage } = await createTestDatabase(t)
  await revocations.revoke(db, 'grant', 'grant-1')
  const list = await createRevocationList({ storage: { db, ...storage }, onBlind() {}, onSighted() {} })
  t.teardown(() => list.close())
  t.equal(list.isRevoked(caller('grant-1')), true)
  t.equal(list.isRevoked(caller('grant-2')), false)
})

t.test('for a token older than what it has room for it asks the database', async (t) => {
  const { db, list } = await scene(t, { most: 2 })
  for (const grantId of ['grant-1', 'grant-2', 'grant-3']) await revocations.revoke(db, 'grant', grantId)
  await until(() => list.isRevoked(caller('grant-3')) === true)
  const answers = ['grant-1', 'grant-2', 'grant-3', 'grant-4'].map((id) => list.isRevoked(caller(id)))
  t.ok(answers[0] instanceof Promise)
  t.same(await Promise.all(answers), [true, true, true, false])
  t.equal(list.isRevoked(caller('grant-4', NOW + 3600)), false, 'about a new one it is certain')
})

t.test('nobody can tell: it rejects as an outage, and what is open may go on for a while', async (t) => {
  const { path, list, told } = await scene(t, { blindMs: 2000 })
  await path.cut()
  await until(() => told.length === 1)
  const error = await Promise.resolve(list.isRevoked(caller('grant-1'))).catch((reason: unknown) => reason)
  t.ok(isOutage(error))
  t.equal(list.hasEnded(caller('grant-1')), false)
  await until(() => list.hasEnded(caller('grant-1')))

  await path.heal()
  await until(() => told.length === 2)
  t.equal(list.hasEnded(caller('grant-1')), false)
  t.equal(list.isRevoked(caller('grant-1')), false)
  t.same(told, ['blind', 'sighted'], 'each is told once')
})
