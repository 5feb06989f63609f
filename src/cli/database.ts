// Owns how a command gets at the database: configured as the service is, migrated, and closed whatever happens.

import { type Config, loadConfig } from '../config/config.ts'
import { readEnvironment } from '../config/env.ts'
import { type Database, openDatabase } from '../storage/database.ts'
import { DirectoryInUseError } from '../storage/directory-lock.ts'
import { migrateToLatest } from '../storage/migrate.ts'

export interface Opened {
  readonly db: Database
  readonly config: Config
}

export async function withDatabase(act: (opened: Opened) => Promise<void>): Promise<void> {
  const config = loadConfig(readEnvironment())
  const { db, close } = await openDatabase(config.database).catch(explain)
  try {
    await migrateToLatest(db)
    await act({ db, config })
  } finally {
    await close()
  }
}

function explain(cause: unknown): never {
  if (!(cause instanceof DirectoryInUseError)) throw cause
  throw new Error(`${cause.message} Stop the service first, or use PostgreSQL.`, { cause })
}
