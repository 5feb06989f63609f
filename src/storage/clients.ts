// Owns the OAuth clients that are known here: registered (RFC 7591), or added by an operator. What is stored of a secret is its hash.
import { sql } from 'kysely'
import * as artifactEnds from './artifact-ends.ts'
import * as revocations from './revocations.ts'
import type { Database, JsonObject } from './tables.ts'
import { inTransaction } from './transactions.ts'

export type MadeBy = 'registration' | 'operator'

export interface StoredClient {
  readonly id: string
  readonly metadata: JsonObject
  readonly madeBy: MadeBy
  /** Who first agreed to it; null for nobody yet, and for an operator's. */
  readonly ownerId: string | null
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
  readonly expiresAt: Date | null
}

export interface NewClient {
  readonly id: string
  readonly metadata: Readonly<JsonObject>
  /** Null: never expires. */
  readonly expiresInSeconds: number | null
  /** `registration` when absent. */
  readonly madeBy?: MadeBy
}

const COLUMNS = ['id', 'metadata', 'made_by', 'owner_id', 'created_at', 'last_used_at', 'expires_at'] as const

/** Creates it, or replaces its metadata and expiry. One that was removed before and has come back gets new tokens. */
export async function save(
  db: Database,
  { id, metadata, expiresInSeconds, madeBy = 'registration' }: NewClient,
): Promise<void> {
  const changing = {
    metadata: JSON.stringify(metadata),
    made_by: madeBy,
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

/** Oldest first; not those that have expired. */
export async function list(db: Database): Promise<readonly StoredClient[]> {
  const rows = await db
    .selectFrom('oauth_clients')
    .select(COLUMNS)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', sql<Date>`now()`)]))
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  return rows.map(fromRow)
}

/** Those that an operator added, oldest first. */
export async function listOperated(db: Database): Promise<readonly StoredClient[]> {
  const rows = await db
    .selectFrom('oauth_clients')
    .select(COLUMNS)
    .where('made_by', '=', 'operator')
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  return rows.map(fromRow)
}

/** With what was issued to it and agreed to for it. False when there was none. */
export async function remove(db: Database, id: string): Promise<boolean> {
  return await inTransaction(db, async (transaction) => {
    const row = await transaction
      .deleteFrom('oauth_clients')
      .where('id', '=', id)
      .returning('id')
      .executeTakeFirst()
    if (row === undefined) return false
    await transaction.deleteFrom('consents').where('client_id', '=', id).execute()
    await artifactEnds.revokeByClient(transaction, id)
    await revocations.revoke(transaction, 'client', id)
    return true
  })
}

/**
 * Notes that a person agreed to it: the first one becomes the owner of a registered client, which nobody else is given from
 * then on. Returns false for a client that has no row here.
 */
export async function claim(
  db: Database,
  id: string,
  userId: string,
  unusedTtlSeconds: number,
): Promise<boolean> {
  const row = await db
    .updateTable('oauth_clients')
    .set({
      ...used(unusedTtlSeconds),
      owner_id: sql<string | null>`case when made_by = 'registration' then coalesce(owner_id, ${userId}) end`,
      twin_hash: null,
      registered_from: null,
    })
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

/** Notes that these were used now, in one statement. What was registered then lives that much longer. */
export async function touch(db: Database, ids: readonly string[], unusedTtlSeconds: number): Promise<void> {
  if (ids.length === 0) return
  await db.updateTable('oauth_clients').set(used(unusedTtlSeconds)).where('id', 'in', ids).execute()
}

function used(unusedTtlSeconds: number) {
  return {
    last_used_at: sql<Date>`now()`,
    expires_at: sql<Date | null>`case when made_by = 'registration'
      then now() + make_interval(secs => ${unusedTtlSeconds}) end`,
  }
}

/** With the consents to them. At most `limit` rows in one short statement; call again while it returns `limit`. */
export async function deleteExpired(db: Database, limit: number): Promise<number> {
  const expired = db
    .selectFrom('oauth_clients')
    .select('id')
    .where('expires_at', '<=', sql<Date>`now()`)
    .limit(limit)
    .forUpdate()
    .skipLocked()
  return await inTransaction(db, async (transaction) => {
    const rows = await transaction
      .deleteFrom('oauth_clients')
      .where('id', 'in', expired)
      .returning('id')
      .execute()
    const ids = rows.map(({ id }) => id)
    if (ids.length > 0) await transaction.deleteFrom('consents').where('client_id', 'in', ids).execute()
    return ids.length
  })
}

interface Row {
  readonly id: string
  readonly metadata: JsonObject
  readonly made_by: MadeBy
  readonly owner_id: string | null
  readonly created_at: Date
  readonly last_used_at: Date | null
  readonly expires_at: Date | null
}

function fromRow(row: Row): StoredClient {
  return {
    id: row.id,
    metadata: row.metadata,
    madeBy: row.made_by,
    ownerId: row.owner_id,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
  }
}
