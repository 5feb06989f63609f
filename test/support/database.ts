// Owns fresh, migrated databases for tests, of both kinds, dropped at teardown.
import type { Test } from 'tap'
import {
  type Database,
  type DatabaseConfig,
  type OpenDatabase,
  openDatabase,
} from '../../src/storage/database.ts'
import { embeddedDatabase } from './database-embedded.ts'
import { postgresDatabase } from './database-postgres.ts'

export type DatabaseKind = DatabaseConfig['kind']

export const DATABASE_KINDS: readonly DatabaseKind[] = ['postgres', 'embedded']

/** The part of a tap test that is needed here. */
export interface Teardown {
  teardown(end: () => unknown): unknown
}

export interface TestDatabase extends OpenDatabase {
  /** To open it once more, as another replica would. Only one process at a time may have an embedded one open. */
  readonly config: DatabaseConfig
}

/** A migrated database of its own, open. `migrated: false` gives an empty one. */
export async function createTestDatabase(
  t: Teardown,
  { kind = 'postgres', migrated = true }: { kind?: DatabaseKind; migrated?: boolean } = {},
): Promise<TestDatabase> {
  const config = await prepareTestDatabase(t, { kind, migrated })
  const opened = await openDatabase(config)
  t.teardown(() => opened.close())
  return { ...opened, config }
}

/** The same promises are kept by both: `promises` is called with a migrated database of each kind. */
export function onEveryDatabase(
  t: Test,
  promises: (t: Test, db: Database, opened: OpenDatabase) => Promise<unknown>,
): void {
  for (const kind of DATABASE_KINDS) {
    t.test(`on a database of kind ${kind}`, async (t) => {
      const opened = await createTestDatabase(t, { kind })
      return promises(t, opened.db, opened)
    })
  }
}

/** A database that is not open yet, for a test that starts the whole application on it. */
export async function prepareTestDatabase(
  t: Teardown,
  { kind = 'postgres', migrated = true }: { kind?: DatabaseKind; migrated?: boolean } = {},
): Promise<DatabaseConfig> {
  return kind === 'postgres' ? await postgresDatabase(t, migrated) : await embeddedDatabase(t, migrated)
}
