// Owns the connections to upstreams: one per owner and upstream, made, found, noted as used and removed.

import { sql } from 'kysely'
import { formatScope } from '../oauth/scope.ts'
import type { Keyring } from './sealing.ts'
import type { Database, UserId } from './tables.ts'
import {
  COLUMNS,
  type ConnectionKey,
  fromRow,
  type NewSecret,
  type StoredConnection,
  sealSecret,
} from './upstream-connection-row.ts'

/** The owner of what is shared. */
export const EVERYBODY = 'everybody'

const isLeased = sql<boolean>`coalesce(lease_until > now(), false)`

export async function find(
  db: Database,
  keyring: Keyring,
  { owner, upstream }: ConnectionKey,
): Promise<StoredConnection | null> {
  const row = await db
    .selectFrom('upstream_connections')
    .select(COLUMNS)
    .select(isLeased.as('leased'))
    .where('owner', '=', owner)
    .where('upstream', '=', upstream)
    .executeTakeFirst()
  return row ? fromRow(row, keyring) : null
}

/** Of these owners. */
export async function listOf(
  db: Database,
  keyring: Keyring,
  owners: readonly string[],
): Promise<readonly StoredConnection[]> {
  const rows = await db
    .selectFrom('upstream_connections')
    .select(COLUMNS)
    .select(isLeased.as('leased'))
    .where('owner', 'in', owners)
    .orderBy('upstream')
    .execute()
  return rows.map((row) => fromRow(row, keyring))
}

/** Greater than any that was before it: what was begun with a connection that ended never counts for the next one. */
const FIRST_VERSION = sql<string>`floor(extract(epoch from clock_timestamp()) * 1000)::bigint`

/** A new login takes the place of whatever was there. Returns its version. */
export async function connect(
  db: Database,
  keyring: Keyring,
  key: ConnectionKey & { readonly userId: UserId | null; readonly boundTo: string },
  { secret, scopes, goodUntil }: NewSecret,
): Promise<number> {
  const fresh = {
    user_id: key.userId,
    state: 'connected' as const,
    why: null,
    bound_to: key.boundTo,
    sealed: sealSecret(keyring, key, secret),
    scopes: formatScope(scopes),
    good_until: goodUntil,
    lease: null,
    lease_until: null,
  }
  const { version } = await db
    .insertInto('upstream_connections')
    .values({ owner: key.owner, upstream: key.upstream, ...fresh, version: FIRST_VERSION })
    .onConflict((conflict) =>
      conflict.columns(['owner', 'upstream']).doUpdateSet({
        ...fresh,
        version: sql<string>`upstream_connections.version + 1`,
        created_at: sql<Date>`now()`,
        updated_at: sql<Date>`now()`,
      }),
    )
    .returning('version')
    .executeTakeFirstOrThrow()
  return Number(version)
}

/** A place for what whoever leases it will get. What is there for another place or client goes; what is there for this one stays. */
export async function reserve(
  db: Database,
  { owner, upstream, boundTo }: ConnectionKey & { readonly boundTo: string },
): Promise<void> {
  const empty = {
    user_id: null,
    state: 'error' as const,
    why: null,
    bound_to: boundTo,
    sealed: null,
    scopes: '',
    good_until: null,
    lease: null,
    lease_until: null,
  }
  await db
    .insertInto('upstream_connections')
    .values({ owner, upstream, ...empty, version: FIRST_VERSION })
    .onConflict((conflict) =>
      conflict
        .columns(['owner', 'upstream'])
        .doUpdateSet({
          ...empty,
          version: sql<string>`upstream_connections.version + 1`,
          created_at: sql<Date>`now()`,
          updated_at: sql<Date>`now()`,
        })
        .where('upstream_connections.bound_to', '<>', boundTo),
    )
    .execute()
}

/** What it held, so that it can be revoked over there; null when there was none, or none that is bound to `boundTo`. */
export async function remove(
  db: Database,
  keyring: Keyring,
  { owner, upstream }: ConnectionKey,
  boundTo?: string,
): Promise<StoredConnection | null> {
  const row = await db
    .deleteFrom('upstream_connections')
    .where('owner', '=', owner)
    .where('upstream', '=', upstream)
    .$if(boundTo !== undefined, (query) => query.where('bound_to', '=', boundTo ?? ''))
    .returning(COLUMNS)
    .executeTakeFirst()
  return row ? fromRow({ ...row, leased: false }, keyring) : null
}

/** Notes that these were used now, in one statement. */
export async function touch(db: Database, keys: readonly ConnectionKey[]): Promise<void> {
  if (keys.length === 0) return
  const owners = keys.map(({ owner }) => owner)
  const upstreams = keys.map(({ upstream }) => upstream)
  await sql`
    update upstream_connections set last_used_at = now()
    from unnest(${owners}::text[], ${upstreams}::text[]) as used (owner, upstream)
    where upstream_connections.owner = used.owner and upstream_connections.upstream = used.upstream`.execute(
    db,
  )
}
