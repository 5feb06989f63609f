// Owns what an open database promises beside its tables: connections that heal, statements prepared once, throttling.

import { sql } from 'kysely'
import { RateLimiterPostgres } from 'rate-limiter-flexible'
import t from 'tap'
import { openDatabase, ping } from '../../src/storage/database.ts'
import * as throttles from '../../src/storage/throttles.ts'
import * as users from '../../src/storage/users.ts'
import { createTestDatabase } from '../support/database.ts'

t.test('a broken idle connection is logged and replaced, and ends nothing', async (t) => {
  const { db: admin, config } = await createTestDatabase(t)
  let broken = () => {}
  const warned = new Promise<string>((resolve) => {
    broken = () => resolve('warned')
  })
  const { db, close } = await openDatabase(config, { poolSize: 1, log: { warn: () => broken() } })
  t.teardown(close)
  await ping(db)
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)
  await sql`select pg_terminate_backend(${rows[0]?.pid}::int)`.execute(admin)
  t.equal(await warned, 'warned')
  await ping(db)
})

t.test('a statement is prepared once for each connection', async (t) => {
  const { config } = await createTestDatabase(t)
  const { db, close } = await openDatabase(config, { poolSize: 1 })
  t.teardown(close)
  for (let index = 0; index < 3; index += 1) await users.findById(db, `usr_${index}`)
  const { rows } = await sql`select name, generic_plans + custom_plans as uses from pg_prepared_statements
    where statement like '%from "users"%'`.execute(db)
  t.match(rows, [{ name: /^s\d+$/, uses: '3' }])
})

t.test('a connection has limits for statements and for idle transactions', async (t) => {
  const { db } = await createTestDatabase(t)
  const { rows } = await sql`select current_setting('statement_timeout') as statement,
    current_setting('idle_in_transaction_session_timeout') as idle`.execute(db)
  t.same(rows, [{ statement: '15s', idle: '30s' }])
})

t.test('a database that was never used closes, and does not answer afterwards', async (t) => {
  const { config } = await createTestDatabase(t)
  const { db, close } = await openDatabase(config)
  await close()
  await t.rejects(ping(db))
  const open = await openDatabase(config)
  t.teardown(open.close)
  await t.resolves(ping(open.db))
})

t.test('rate-limiter-flexible finds its table, and what has expired is deleted', async (t) => {
  const { db, pool } = await createTestDatabase(t)
  const limiter = new RateLimiterPostgres({
    storeClient: pool,
    storeType: 'pool',
    tableName: 'throttles',
    tableCreated: true,
    clearExpiredByTimeout: false,
    points: 2,
    duration: 60,
  })
  t.equal((await limiter.consume('ada')).remainingPoints, 1)
  t.equal((await limiter.consume('ada')).remainingPoints, 0)
  t.match(await limiter.consume('ada').catch((refusal: unknown) => refusal), { remainingPoints: 0 })
  await db.insertInto('throttles').values({ key: 'old', points: 1, expire: '1' }).execute()
  t.same([await throttles.deleteExpired(db, 10), await throttles.deleteExpired(db, 10)], [1, 0])
  t.equal((await limiter.get('ada'))?.consumedPoints, 3, 'what counts still is kept')
})

t.test('the embedded database deletes expired attempts too, and has no pool', async (t) => {
  const { db, pool } = await createTestDatabase(t, { kind: 'embedded' })
  t.equal(pool, null)
  const later = String(Date.now() + 60_000)
  await db
    .insertInto('throttles')
    .values([
      { key: 'old', expire: '1' },
      { key: 'new', expire: later },
    ])
    .execute()
  t.equal(await throttles.deleteExpired(db, 10), 1)
})
