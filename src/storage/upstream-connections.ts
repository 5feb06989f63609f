// Owns the connections to upstreams: one per owner and upstream, sealed, and changed by whoever holds the newest version alone.
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { formatScope, parseScope } from '../oauth/scope.ts'
import { createReseal, type Reseal } from './resealing.ts'
import type { Keyring } from './sealing.ts'
import type { Database, UserId } from './tables.ts'

/** The owner of what is shared. */
export const EVERYBODY = 'everybody'

export interface ConnectionKey {
  /** A user's id, or EVERYBODY. */
  readonly owner: string
  readonly upstream: string
}

export interface StoredConnection extends ConnectionKey {
  readonly state: 'connected' | 'expired' | 'error'
  /** For people; names no secret. */
  readonly why: string | null
  /** What it is good for alone: the upstream's URL, and the registration that made it. Another one is another connection. */
  readonly boundTo: string
  /** Tokens, as JSON of whoever stores them. Null once there is nothing left to present. */
  readonly secret: string | null
  readonly scopes: ReadonlySet<string>
  /** Null: it does not say. */
  readonly goodUntil: Date | null
  /** Grows with each change. */
  readonly version: number
  /** Somebody renews it at this moment. */
  readonly leased: boolean
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
}

export interface NewSecret {
  readonly secret: string
  readonly scopes: ReadonlySet<string>
  readonly goodUntil: Date | null
}

const PURPOSE = 'upstream-connection'

const COLUMNS = [
  'owner',
  'upstream',
  'state',
  'why',
  'bound_to',
  'sealed',
  'scopes',
  'good_until',
  'version',
  'created_at',
  'last_used_at',
] as const

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
    sealed: keyring.seal(PURPOSE, secret, aadOf(key)),
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

/**
 * The right to renew this version, for `seconds`: only one of any number of concurrent calls gets it, on whichever replica,
 * and the next one when its holder did not come back in time. Null for the others, and when it has changed already.
 */
export async function lease(
  db: Database,
  { owner, upstream, version }: ConnectionKey & { readonly version: number },
  seconds: number,
): Promise<string | null> {
  const mine = randomBytes(12).toString('base64url')
  const row = await db
    .updateTable('upstream_connections')
    .set({ lease: mine, lease_until: sql<Date>`now() + make_interval(secs => ${seconds})` })
    .where('owner', '=', owner)
    .where('upstream', '=', upstream)
    .where('version', '=', String(version))
    .where('state', '=', 'connected')
    .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<=', sql<Date>`now()`)]))
    .returning('lease')
    .executeTakeFirst()
  return row?.lease ?? null
}

/**
 * What renewing it led to, by the holder of the lease. False when a new login, or the end of the connection, came between:
 * that one stays. A holder that is late still stores what it got, as long as nobody else has renewed it.
 */
export async function renewed(
  db: Database,
  keyring: Keyring,
  key: ConnectionKey & { readonly version: number },
  { secret, scopes, goodUntil }: NewSecret,
): Promise<boolean> {
  return await change(db, key, {
    sealed: keyring.seal(PURPOSE, secret, aadOf(key)),
    scopes: formatScope(scopes),
    good_until: goodUntil,
    state: 'connected',
    why: null,
  })
}

/** The upstream does not accept it any more: nothing of it is kept but that it was there. */
export async function expire(
  db: Database,
  key: ConnectionKey & { readonly version: number },
  why: string,
): Promise<boolean> {
  return await change(db, key, { state: 'expired', why, sealed: null, good_until: null })
}

/** It was not renewed, and may be later: the lease is over at once. */
export async function release(db: Database, { owner, upstream }: ConnectionKey, held: string): Promise<void> {
  await db
    .updateTable('upstream_connections')
    .set({ lease: null, lease_until: null })
    .where('owner', '=', owner)
    .where('upstream', '=', upstream)
    .where('lease', '=', held)
    .execute()
}

interface Change {
  readonly state: StoredConnection['state']
  readonly why: string | null
  readonly sealed: string | null
  readonly scopes?: string
  readonly good_until: Date | null
}

async function change(
  db: Database,
  { owner, upstream, version }: ConnectionKey & { readonly version: number },
  to: Change,
): Promise<boolean> {
  const row = await db
    .updateTable('upstream_connections')
    .set({
      ...to,
      version: sql<string>`version + 1`,
      updated_at: sql<Date>`now()`,
      lease: null,
      lease_until: null,
    })
    .where('owner', '=', owner)
    .where('upstream', '=', upstream)
    .where('version', '=', String(version))
    .returning('owner')
    .executeTakeFirst()
  return row !== undefined
}

/** What it held, so that it can be revoked over there; null when there was none. */
export async function remove(
  db: Database,
  keyring: Keyring,
  { owner, upstream }: ConnectionKey,
): Promise<StoredConnection | null> {
  const row = await db
    .deleteFrom('upstream_connections')
    .where('owner', '=', owner)
    .where('upstream', '=', upstream)
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

interface Row {
  readonly owner: string
  readonly upstream: string
  readonly state: StoredConnection['state']
  readonly why: string | null
  readonly bound_to: string
  readonly sealed: string | null
  readonly scopes: string
  readonly good_until: Date | null
  readonly version: string | number
  readonly created_at: Date
  readonly last_used_at: Date | null
  readonly leased: boolean
}

/** What cannot be opened is as good as gone: the person logs in again. */
function fromRow(row: Row, keyring: Keyring): StoredConnection {
  const key = { owner: row.owner, upstream: row.upstream }
  const plain = row.sealed === null ? null : keyring.open(PURPOSE, row.sealed, aadOf(key))
  return {
    ...key,
    state: row.state === 'connected' && plain === null ? 'expired' : row.state,
    why: row.why,
    boundTo: row.bound_to,
    secret: plain?.toString() ?? null,
    scopes: parseScope(row.scopes),
    goodUntil: row.good_until,
    version: Number(row.version),
    leased: row.leased,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  }
}

/** The row's identity: a sealed value that was moved to another row opens there for nobody. */
function aadOf({ owner, upstream }: ConnectionKey): string {
  return JSON.stringify([owner, upstream])
}

export const resealConnections: Reseal = createReseal<ConnectionKey>({
  name: 'connections to upstreams',
  purpose: PURPOSE,
  aad: aadOf,
  async next(db, prefix, after, limit) {
    const rows = await db
      .selectFrom('upstream_connections')
      .select(['owner', 'upstream', sql<string>`sealed`.as('sealed')])
      .where(sql<boolean>`left(sealed, length(${prefix})) <> ${prefix}`)
      .where(sql<boolean>`(owner, upstream) > (${after?.owner ?? ''}, ${after?.upstream ?? ''})`)
      .orderBy('owner')
      .orderBy('upstream')
      .limit(limit)
      .execute()
    return rows.map(({ owner, upstream, sealed }) => ({ id: { owner, upstream }, sealed }))
  },
  async replace(db, { owner, upstream }, from, to) {
    await db
      .updateTable('upstream_connections')
      .set({ sealed: to })
      .where('owner', '=', owner)
      .where('upstream', '=', upstream)
      .where('sealed', '=', from)
      .execute()
  },
})
