// Owns databases on a real PostgreSQL: one migrated template for a run, and a copy of it for each test.
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { type DatabaseConfig, openDatabase } from '../../src/storage/database.ts'
import { migrateToLatest } from '../../src/storage/migrate.ts'
import type { Teardown } from './database.ts'
import { migrationsHash } from './database-template.ts'
import { startCluster } from './postgres.ts'
import { findPostgres } from './postgres-binaries.ts'

/** Any number that no other advisory lock has in the database `postgres`. */
const TEMPLATE_LOCK = 4_201_900

let own: Promise<string> | undefined

/** The server of the run; a file that is run alone starts one for itself, which ends with its process. */
async function serverUrl(): Promise<string> {
  if (process.env.TEST_DATABASE_URL) return process.env.TEST_DATABASE_URL
  own ??= startOwn()
  return await own
}

async function startOwn(): Promise<string> {
  const binaries = findPostgres(process.env.TEST_POSTGRES)
  if (binaries === null)
    throw new Error('No PostgreSQL was found: set TEST_DATABASE_URL or install postgresql.')
  return (await startCluster(binaries)).url
}

export async function postgresDatabase(t: Teardown, migrated: boolean): Promise<DatabaseConfig> {
  const server = await serverUrl()
  const name = `gatehouse_test_${randomBytes(8).toString('hex')}`
  const template = migrated ? await ensureTemplate(server) : 'template0'
  await withAdmin(server, (admin) => admin.query(`create database ${name} template ${template}`))
  t.teardown(() => withAdmin(server, (admin) => admin.query(`drop database if exists ${name} with (force)`)))
  return { kind: 'postgres', url: urlOf(server, name) }
}

/** Only one of the test processes builds it, the others wait. It gets its name when it is complete. */
async function ensureTemplate(server: string): Promise<string> {
  const name = `gatehouse_template_${migrationsHash()}`
  await withAdmin(server, async (admin) => {
    await admin.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK])
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [name])
    if (rowCount === 0) await buildTemplate(server, admin, name)
  })
  return name
}

async function buildTemplate(server: string, admin: pg.Client, name: string): Promise<void> {
  const draft = `${name}_draft`
  await admin.query(`drop database if exists ${draft} with (force)`)
  await admin.query(`create database ${draft} template template0`)
  const { db, close } = await openDatabase({ kind: 'postgres', url: urlOf(server, draft) })
  await migrateToLatest(db).finally(close)
  await admin.query(`alter database ${draft} rename to ${name}`)
}

/** The advisory lock, if any, goes with the connection. */
async function withAdmin(server: string, act: (admin: pg.Client) => Promise<unknown>): Promise<void> {
  const admin = new pg.Client({ connectionString: server })
  await admin.connect()
  try {
    await act(admin)
  } finally {
    await admin.end()
  }
}

function urlOf(server: string, database: string): string {
  const url = new URL(server)
  url.pathname = `/${database}`
  return url.href
}
