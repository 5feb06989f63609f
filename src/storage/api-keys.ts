// Owns API keys: what scripts present instead of an access token. Only their hash is stored.
import { randomBytes } from 'node:crypto'
import { type SelectQueryBuilder, sql } from 'kysely'
import { API_KEY_PREFIX } from '../oauth/api-key.ts'
import { formatScope, parseScope } from '../oauth/scope.ts'
import { hashToken } from './hash.ts'
import { hintOf, isSecret, newSecret } from './pasted-secret.ts'
import * as revocations from './revocations.ts'
import type { Database, Tables, UserId } from './tables.ts'
import { inTransaction } from './transactions.ts'

export interface ApiKey {
  readonly id: string
  readonly name: string
  /** Its first characters. */
  readonly hint: string
  readonly userId: UserId
  readonly scopes: ReadonlySet<string>
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

export interface NewApiKey {
  readonly name: string
  readonly userId: UserId
  readonly scopes: ReadonlySet<string>
  /** Null: never expires. */
  readonly expiresInSeconds: number | null
}

const COLUMNS = [
  'api_keys.id',
  'api_keys.name',
  'api_keys.hint',
  'api_keys.user_id',
  'api_keys.scopes',
  'api_keys.created_at',
  'api_keys.last_used_at',
  'api_keys.expires_at',
  'api_keys.revoked_at',
] as const

/** How long what is of no use any more is still shown. */
const KEPT_DAYS = 90

/** The key itself is in the answer and nowhere else. */
export async function create(
  db: Database,
  { name, userId, scopes, expiresInSeconds }: NewApiKey,
): Promise<{ readonly key: string; readonly stored: ApiKey }> {
  const key = newSecret(API_KEY_PREFIX)
  const row = await db
    .insertInto('api_keys')
    .values({
      id: `key_${randomBytes(9).toString('base64url')}`,
      name,
      key_hash: hashToken(key),
      hint: hintOf(API_KEY_PREFIX, key),
      user_id: userId,
      scopes: formatScope(scopes),
      expires_at:
        expiresInSeconds === null ? null : sql<Date>`now() + make_interval(secs => ${expiresInSeconds})`,
    })
    .returning(COLUMNS)
    .executeTakeFirstOrThrow()
  return { key, stored: fromRow(row) }
}

/** A key, and of its person what the operator's policy may speak of. */
export interface HeldApiKey extends ApiKey {
  readonly email: string
  readonly groups: readonly string[]
}

/** The one that `key` is, while it is good: not expired, not revoked, and its person not disabled. */
export async function findGood(db: Database, key: string): Promise<HeldApiKey | null> {
  if (!isSecret(API_KEY_PREFIX, key)) return null
  const row = await db
    .selectFrom('api_keys')
    .innerJoin('users', 'users.id', 'api_keys.user_id')
    .select([...COLUMNS, 'users.email', 'users.groups'])
    .where('key_hash', '=', hashToken(key))
    .where('revoked_at', 'is', null)
    .where('users.disabled_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', sql<Date>`now()`)]))
    .executeTakeFirst()
  return row ? { ...fromRow(row), email: row.email, groups: row.groups } : null
}

/** Everybody's, oldest first; also those that are revoked or expired. */
export async function list(db: Database): Promise<readonly ApiKey[]> {
  return await all(db.selectFrom('api_keys'))
}

/** Of one person, oldest first; also those that are revoked or expired. */
export async function listOf(db: Database, userId: UserId): Promise<readonly ApiKey[]> {
  return await all(db.selectFrom('api_keys').where('user_id', '=', userId))
}

async function all(query: SelectQueryBuilder<Tables, 'api_keys', object>): Promise<readonly ApiKey[]> {
  const rows = await query.select(COLUMNS).orderBy('api_keys.created_at').orderBy('api_keys.id').execute()
  return rows.map(fromRow)
}

/**
 * Every replica refuses it from then on, and closes its open streams. With `userId`, only a key of that person. Null: there
 * is none that was good until now.
 */
export async function revoke(db: Database, id: string, userId?: UserId): Promise<ApiKey | null> {
  return await inTransaction(db, async (transaction) => {
    const row = await transaction
      .updateTable('api_keys')
      .set({ revoked_at: sql<Date>`now()` })
      .where('api_keys.id', '=', id)
      .where('revoked_at', 'is', null)
      .$if(userId !== undefined, (query) => query.where('user_id', '=', userId ?? null))
      .returning(COLUMNS)
      .executeTakeFirst()
    if (!row) return null
    await revocations.revoke(transaction, 'grant', id)
    return fromRow(row)
  })
}

/** Notes that these were used now, in one statement. */
export async function touch(db: Database, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await db.updateTable('api_keys').set({ last_used_at: sql<Date>`now()` }).where('id', 'in', ids).execute()
}

/** Those that were of no use for KEPT_DAYS. At most `limit` rows in one short statement. */
export async function deleteSpent(db: Database, limit: number): Promise<number> {
  const spent = db
    .selectFrom('api_keys')
    .select('id')
    .where(
      sql<Date>`least(expires_at, revoked_at)`,
      '<',
      sql<Date>`now() - make_interval(days => ${KEPT_DAYS})`,
    )
    .limit(limit)
    .forUpdate()
    .skipLocked()
  const rows = await db.deleteFrom('api_keys').where('id', 'in', spent).returning('id').execute()
  return rows.length
}

interface Row {
  readonly id: string
  readonly name: string
  readonly hint: string
  readonly user_id: UserId
  readonly scopes: string
  readonly created_at: Date
  readonly last_used_at: Date | null
  readonly expires_at: Date | null
  readonly revoked_at: Date | null
}

function fromRow(row: Row): ApiKey {
  return {
    id: row.id,
    name: row.name,
    hint: row.hint,
    userId: row.user_id,
    scopes: parseScope(row.scopes),
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  }
}
