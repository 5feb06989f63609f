// Owns the tokens that open registration (RFC 7591 §3): named, expiring, good for so many clients. Only their hash is stored.
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { hashToken } from './hash.ts'
import { isSecret, newSecret } from './pasted-secret.ts'
import type { Database } from './tables.ts'

export interface InitialAccessToken {
  readonly id: string
  readonly name: string
  /** Null: any number. */
  readonly usesLeft: number | null
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
  readonly expiresAt: Date | null
}

export interface NewInitialAccessToken {
  readonly name: string
  /** Null: any number. */
  readonly uses: number | null
  /** Null: never expires. */
  readonly expiresInSeconds: number | null
}

const PREFIX = 'ghreg'
const COLUMNS = ['id', 'name', 'uses_left', 'created_at', 'last_used_at', 'expires_at'] as const

/** The token itself is in the answer and nowhere else. */
export async function create(
  db: Database,
  { name, uses, expiresInSeconds }: NewInitialAccessToken,
): Promise<{ readonly token: string; readonly stored: InitialAccessToken }> {
  const token = newSecret(PREFIX)
  const row = await db
    .insertInto('initial_access_tokens')
    .values({
      id: `iat_${randomBytes(9).toString('base64url')}`,
      name,
      token_hash: hashToken(token),
      uses_left: uses,
      expires_at:
        expiresInSeconds === null ? null : sql<Date>`now() + make_interval(secs => ${expiresInSeconds})`,
    })
    .returning(COLUMNS)
    .executeTakeFirstOrThrow()
  return { token, stored: fromRow(row) }
}

/** Whether a registration with it may begin: for refusing early, never for letting one through. */
export async function isOpen(db: Database, token: string): Promise<boolean> {
  if (!isSecret(PREFIX, token)) return false
  const row = await db
    .selectFrom('initial_access_tokens')
    .select('id')
    .where('token_hash', '=', hashToken(token))
    .where(isGood)
    .executeTakeFirst()
  return row !== undefined
}

/** Takes one use. Of any number of concurrent calls, as many succeed as there are uses left. */
export async function take(db: Database, token: string): Promise<boolean> {
  if (!isSecret(PREFIX, token)) return false
  const row = await db
    .updateTable('initial_access_tokens')
    .set({ uses_left: sql<number | null>`uses_left - 1`, last_used_at: sql<Date>`now()` })
    .where('token_hash', '=', hashToken(token))
    .where(isGood)
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

const isGood = sql<boolean>`(uses_left is null or uses_left > 0) and (expires_at is null or expires_at > now())`

/** Oldest first; also those that are used up or expired. */
export async function list(db: Database): Promise<readonly InitialAccessToken[]> {
  const rows = await db
    .selectFrom('initial_access_tokens')
    .select(COLUMNS)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  return rows.map(fromRow)
}

/** By its identifier. False when there was none. */
export async function revoke(db: Database, id: string): Promise<boolean> {
  const row = await db
    .deleteFrom('initial_access_tokens')
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

interface Row {
  readonly id: string
  readonly name: string
  readonly uses_left: number | null
  readonly created_at: Date
  readonly last_used_at: Date | null
  readonly expires_at: Date | null
}

function fromRow(row: Row): InitialAccessToken {
  return {
    id: row.id,
    name: row.name,
    usesLeft: row.uses_left,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
  }
}
