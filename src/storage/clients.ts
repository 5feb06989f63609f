// Owns the registered OAuth clients (RFC 7591). What is stored of a client secret is the caller's to decide: its hash.
import { type Selectable, sql } from 'kysely'
import * as artifacts from './artifacts.ts'
import * as revocations from './revocations.ts'
import type { Database, JsonObject, Tables } from './tables.ts'
import { inTransaction } from './transactions.ts'

export interface StoredClient {
  readonly id: string
  readonly metadata: JsonObject
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
  readonly expiresAt: Date | null
}

export interface NewClient {
  readonly id: string
  readonly metadata: Readonly<JsonObject>
  /** Null: never expires. */
  readonly expiresInSeconds: number | null
}

const COLUMNS = ['id', 'metadata', 'created_at', 'last_used_at', 'expires_at'] as const

/** `last_used_at` is written at most once in this time, so that a busy client costs no write per request. */
export const TOUCH_INTERVAL_SECONDS = 600

/** Creates it, or replaces its metadata and expiry. One that was removed before and has come back gets new tokens. */
export async function save(db: Database, { id, metadata, expiresInSeconds }: NewClient): Promise<void> {
  const changing = {
    metadata: JSON.stringify(metadata),
    expires_at:
      expiresInSeconds === null ? null : sql<Date>`now() + make_interval(secs => ${expiresInSeconds})`,
  }
  await inTransaction(db, async (transaction) => {
    await revocations.reinstate(transaction, 'client', id)
    await transaction
      .insertInto('oauth_clients')
      .values({ id, ...changing })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(changing))
      .execute()
  })
}

/** Null also for one that has expired. */
export async function find(db: Database, id: string): Promise<StoredClient | null> {
  const row = await db
    .selectFrom('oauth_clients')
    .select(COLUMNS)
    .where('id', '=', id)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', sql<Date>`now()`)]))
    .executeTakeFirst()
  return row ? fromRow(row) : null
}

/** With everything that was issued to it. False when there was none. */
export async function remove(db: Database, id: string): Promise<boolean> {
  return await inTransaction(db, async (transaction) => {
    const row = await transaction
      .deleteFrom('oauth_clients')
      .where('id', '=', id)
      .returning('id')
      .executeTakeFirst()
    if (row === undefined) return false
    await artifacts.revokeByClient(transaction, id)
    await revocations.revoke(transaction, 'client', id)
    return true
  })
}

/** Notes that it was used now, unless that was noted within TOUCH_INTERVAL_SECONDS. Returns whether it wrote. */
export async function touch(db: Database, id: string): Promise<boolean> {
  const threshold = sql<Date>`now() - make_interval(secs => ${TOUCH_INTERVAL_SECONDS})`
  const row = await db
    .updateTable('oauth_clients')
    .set({ last_used_at: sql<Date>`now()` })
    .where('id', '=', id)
    .where((eb) => eb.or([eb('last_used_at', 'is', null), eb('last_used_at', '<', threshold)]))
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

/** At most `limit` rows in one short statement; call again while it returns `limit`. */
export async function deleteExpired(db: Database, limit: number): Promise<number> {
  const expired = db
    .selectFrom('oauth_clients')
    .select('id')
    .where('expires_at', '<=', sql<Date>`now()`)
    .limit(limit)
    .forUpdate()
    .skipLocked()
  const rows = await db.deleteFrom('oauth_clients').where('id', 'in', expired).returning('id').execute()
  return rows.length
}

function fromRow(row: Selectable<Tables['oauth_clients']>): StoredClient {
  return {
    id: row.id,
    metadata: row.metadata,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
  }
}
