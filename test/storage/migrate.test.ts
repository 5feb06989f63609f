// Owns what migrating promises.
import { sql } from 'kysely'
import t from 'tap'
import { type Database, openDatabase, ping } from '../../src/storage/database.ts'
import { migrateToLatest } from '../../src/storage/migrate.ts'
import { createTestDatabase, DATABASE_KINDS } from '../support/database.ts'

async function tablesOf(db: Database): Promise<readonly string[]> {
  const tables = await db.introspection.getTables()
  return tables.map(({ name }) => name).sort()
}

for (const kind of DATABASE_KINDS) {
  t.test(`an empty database of kind ${kind} is migrated once`, async (t) => {
    const { db } = await createTestDatabase(t, { kind, migrated: false })
    const applied = await migrateToLatest(db)
    t.equal(applied[0], '0001-first-tables')
    t.ok((await tablesOf(db)).includes('artifacts'))
    t.same(await migrateToLatest(db), [])
  })

  t.test(`a database of kind ${kind} from a newer version is refused and left alone`, async (t) => {
    const { db } = await createTestDatabase(t, { kind })
    t.same(await migrateToLatest(db), [], 'the twin: known migrations only')
    await sql`insert into kysely_migration values ('9999-from-the-future', ${new Date().toISOString()})`.execute(
      db,
    )
    const before = await tablesOf(db)
    await t.rejects(migrateToLatest(db), {
      message: /^The database could not be migrated: .*9999-from-the-future/,
      cause: Error,
    })
    t.same(await tablesOf(db), before)
  })
}

t.test('of five replicas that start on an empty database, one migrates and all go on', async (t) => {
  const { config } = await createTestDatabase(t, { migrated: false })
  const replicas = await Promise.all(Array.from({ length: 5 }, () => openDatabase(config)))
  t.teardown(() => Promise.all(replicas.map(({ close }) => close())))
  await Promise.all(replicas.map(({ db }) => ping(db)))
  const applied = await Promise.all(replicas.map(({ db }) => migrateToLatest(db)))
  t.equal(applied.filter((names) => names.length > 0).length, 1)
  for (const { db } of replicas) t.same(await db.selectFrom('users').select('id').execute(), [])
})

t.test('a request’s time limit does not hold for migrations, and holds again after them', async (t) => {
  const { config } = await createTestDatabase(t, { migrated: false })
  const { db, close } = await openDatabase(config, { poolSize: 1 })
  t.teardown(close)
  const limit = () => sql<{ limit: string }>`select current_setting('statement_timeout') as limit`.execute(db)
  const { rows: before } = await limit()
  await migrateToLatest(db)
  t.same((await limit()).rows, before)
  t.notSame(before, [{ limit: '0' }])
})
