// Owns the keys that access tokens are signed with. The private part is sealed before it comes here.
import { type Selectable, sql } from 'kysely'
import type { Database, JsonObject, Tables } from './tables.ts'
import { inTransaction } from './transactions.ts'

export interface NewSigningKey {
  readonly kid: string
  readonly alg: string
  /** RFC 7517, without private members. */
  readonly publicJwk: Readonly<JsonObject>
  readonly sealedPrivate: string
}

export interface StoredSigningKey extends NewSigningKey {
  readonly createdAt: Date
  /** Since when it signs nothing more; it is still published, for tokens that are out there. */
  readonly retiredAt: Date | null
}

const COLUMNS = ['kid', 'alg', 'public_jwk', 'sealed_private', 'created_at', 'retired_at'] as const

/** Any number that no other advisory lock of this database has. */
const FIRST_KEY_LOCK = 4_201_002

export async function create(db: Database, key: NewSigningKey): Promise<void> {
  await db
    .insertInto('signing_keys')
    .values({
      kid: key.kid,
      alg: key.alg,
      public_jwk: JSON.stringify(key.publicJwk),
      sealed_private: key.sealedPrivate,
    })
    .execute()
}

/** The ones that sign first, among them the newest first. */
export async function list(db: Database): Promise<readonly StoredSigningKey[]> {
  const rows = await db
    .selectFrom('signing_keys')
    .select(COLUMNS)
    .orderBy(sql`retired_at is not null`)
    .orderBy('created_at', 'desc')
    .orderBy('kid')
    .execute()
  return rows.map(fromRow)
}

/**
 * As `list`, never empty: `generate` makes the first key when no key signs. Of any number of processes that start at once,
 * one stores its key and all return that one.
 */
export async function listOrCreateFirst(
  db: Database,
  generate: () => Promise<NewSigningKey>,
): Promise<readonly StoredSigningKey[]> {
  return await inTransaction(db, async (transaction) => {
    await sql`select pg_advisory_xact_lock(${FIRST_KEY_LOCK})`.execute(transaction)
    const keys = await list(transaction)
    if (keys.some((key) => key.retiredAt === null)) return keys
    await create(transaction, await generate())
    return await list(transaction)
  })
}

/** False when there is no such key, or it was retired already. */
export async function retire(db: Database, kid: string): Promise<boolean> {
  const row = await db
    .updateTable('signing_keys')
    .set({ retired_at: sql<Date>`now()` })
    .where('kid', '=', kid)
    .where('retired_at', 'is', null)
    .returning('kid')
    .executeTakeFirst()
  return row !== undefined
}

/** Forgets keys that were retired so long ago that no token signed with them is still valid. Returns their ids. */
export async function removeRetired(db: Database, olderThanSeconds: number): Promise<readonly string[]> {
  const rows = await db
    .deleteFrom('signing_keys')
    .where('retired_at', '<', sql<Date>`now() - make_interval(secs => ${olderThanSeconds})`)
    .returning('kid')
    .execute()
  return rows.map((row) => row.kid)
}

function fromRow(row: Selectable<Tables['signing_keys']>): StoredSigningKey {
  return {
    kid: row.kid,
    alg: row.alg,
    publicJwk: row.public_jwk,
    sealedPrivate: row.sealed_private,
    createdAt: row.created_at,
    retiredAt: row.retired_at,
  }
}
