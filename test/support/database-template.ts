// Owns the name under which an already migrated database is kept: it changes when a migration does.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const MIGRATIONS = new URL('../../migrations/', import.meta.url)

/** `also`: whatever else the kept database depends on. */
export function migrationsHash(also = ''): string {
  const hash = createHash('sha256').update(also)
  for (const name of readdirSync(fileURLToPath(MIGRATIONS)).sort()) {
    hash.update(name).update(readFileSync(new URL(name, MIGRATIONS)))
  }
  return hash.digest('hex').slice(0, 16)
}
