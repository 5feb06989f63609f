// Owns the one-time links with which the first administrator is made. Only the hash of their token is stored.
import { sql } from 'kysely'
import type { TokenHash } from './hash.ts'
import type { Database } from './tables.ts'

export async function create(db: Database, tokenHash: TokenHash, ttlSeconds: number): Promise<void> {
  await db
    .insertInto('setup_links')
    .values({ token_hash: tokenHash, expires_at: sql<Date>`now() + make_interval(secs => ${ttlSeconds})` })
    .execute()
}

/** True while the link may still be taken: for showing the form, never for acting on it. */
export async function isOpen(db: Database, tokenHash: TokenHash): Promise<boolean> {
  const row = await db
    .selectFrom('setup_links')
    .select('token_hash')
    .where('token_hash', '=', tokenHash)
    .where('expires_at', '>', sql<Date>`now()`)
    .executeTakeFirst()
  return row !== undefined
}

/** Only one of any number of concurrent calls gets it, and none after it has expired. */
export async function take(db: Database, tokenHash: TokenHash): Promise<boolean> {
  const row = await db
    .deleteFrom('setup_links')
    .where('token_hash', '=', tokenHash)
    .where('expires_at', '>', sql<Date>`now()`)
    .returning('token_hash')
    .executeTakeFirst()
  return row !== undefined
}

/** Returns how many. */
export async function deleteExpired(db: Database): Promise<number> {
  const rows = await db
    .deleteFrom('setup_links')
    .where('expires_at', '<=', sql<Date>`now()`)
    .returning('token_hash')
    .execute()
  return rows.length
}
