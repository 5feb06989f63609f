// Owns bringing a database to the newest schema.
import { promises as fs } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { FileMigrationProvider, Migrator } from 'kysely/migration'
import type { Database } from './tables.ts'
import { unusable } from './unusable.ts'

const MIGRATIONS = fileURLToPath(new URL('../../migrations/', import.meta.url))

/**
 * Applies what is missing, in one transaction, and returns its names. Of any number of processes that start at once, one
 * migrates and the others wait for it (a session lock of PostgreSQL, so not through a pooler in transaction mode). Refuses
 * a database that has migrations unknown to this version.
 */
export async function migrateToLatest(db: Database): Promise<readonly string[]> {
  return await db.connection().execute(async (connection) => {
    // Waiting for the other one, or building an index, may take longer than a request's statement.
    const before = await exchangeTimeout(connection, '0')
    try {
      return await migrate(connection)
    } finally {
      await exchangeTimeout(connection, before)
    }
  })
}

/** Sets the connection's statement timeout and returns what it was. */
async function exchangeTimeout(connection: Database, timeout: string): Promise<string> {
  const { rows } = await sql<{
    before: string
  }>`select current_setting('statement_timeout') as before`.execute(connection)
  await sql`select set_config('statement_timeout', ${timeout}, false)`.execute(connection)
  return rows[0]?.before ?? '0'
}

async function migrate(db: Database): Promise<readonly string[]> {
  const provider = new FileMigrationProvider({ fs, path, migrationFolder: MIGRATIONS })
  const { error, results = [] } = await new Migrator({ db, provider }).migrateToLatest()
  if (error) unusable('The database could not be migrated')(error)
  return results.map((result) => result.migrationName)
}
