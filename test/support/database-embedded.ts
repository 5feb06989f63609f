// Owns embedded databases for tests: copies of a directory that was initialised and migrated once on this machine.
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type DatabaseConfig, openDatabase } from '../../src/storage/database.ts'
import { migrateToLatest } from '../../src/storage/migrate.ts'
import type { Teardown } from './database.ts'
import { migrationsHash } from './database-template.ts'

const MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url))

export async function embeddedDatabase(t: Teardown, migrated: boolean): Promise<DatabaseConfig> {
  const parent = await mkdtemp(join(tmpdir(), 'gatehouse-embedded-'))
  t.teardown(() => rm(parent, { recursive: true, force: true }))
  const directory = join(parent, 'database')
  if (migrated) await cp(await ensureTemplate(), directory, { recursive: true })
  return { kind: 'embedded', directory }
}

/** Test processes that start together may each build it; the first one to finish provides it. */
async function ensureTemplate(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(MODULES, '@electric-sql/pglite/package.json'), 'utf8'))
  const cache = join(MODULES, '.cache/gatehouse')
  const template = join(cache, `pglite-${migrationsHash(version)}`)
  if (existsSync(template)) return template
  await mkdir(cache, { recursive: true })
  const draft = await mkdtemp(join(cache, 'draft-'))
  const { db, close } = await openDatabase({ kind: 'embedded', directory: join(draft, 'database') })
  await migrateToLatest(db).finally(close)
  await rename(join(draft, 'database'), template).catch((error) => {
    if (!existsSync(template)) throw error
  })
  await rm(draft, { recursive: true, force: true })
  return template
}
