// Owns how a command gets at the database: configured as the service is, migrated, and closed whatever happens.

import { type Config, loadConfig, loadSecrets } from '../config/config.ts'
import { readEnvironment } from '../config/env.ts'
import { type Database, openDatabase, reach } from '../storage/database.ts'
import { DirectoryInUseError } from '../storage/directory-lock.ts'
import { migrateToLatest } from '../storage/migrate.ts'
import { createKeyring, type Keyring } from '../storage/sealing.ts'

export interface Opened {
  readonly db: Database
  readonly config: Config
  /** The migrations that were missing until now. */
  readonly applied: readonly string[]
  /** Reads the secrets only when asked: most commands do without. */
  keyring(): Promise<Keyring>
}

export async function withDatabase<T>(act: (opened: Opened) => Promise<T>): Promise<T> {
  const env = readEnvironment()
  const config = loadConfig(env)
  const keyring = async () => createKeyring((await loadSecrets(env, config)).secretKeys)
  const storage = await openDatabase(config.database).catch(explain)
  const { db, close } = storage
  try {
    await reach(storage)
    const applied = await migrateToLatest(db)
    return await act({ db, config, applied, keyring })
  } finally {
    await close()
  }
}

function explain(cause: unknown): never {
  if (!(cause instanceof DirectoryInUseError)) throw cause
  throw new Error(`${cause.message} Stop the service first, or use PostgreSQL.`, { cause })
}
