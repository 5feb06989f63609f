// Owns what is remembered of the legacy sessions that the gateway itself keeps: their log level, subscriptions and end.
import { type RawBuilder, sql } from 'kysely'
import { type BridgeSessionChange, type Writing, writingOf } from './bridge-session-changes.ts'
import { hashToken, type TokenHash } from './hash.ts'
import type { Database } from './tables.ts'

/** A session, as its handle says it. */
export interface BridgeSessionKey {
  readonly id: string
  /** The person and the client. */
  readonly owner: string
  /** Milliseconds since the epoch. All sessions last equally long, so those that began first have the lowest. */
  readonly expiresAt: number
}

export interface BridgeSession {
  readonly logLevel: string | null
  readonly subscriptions: readonly string[]
  readonly ended: boolean
}

interface Row {
  readonly log_level: string | null
  readonly subscriptions: string[]
  readonly ended: boolean
}

/** Of one person and client. A row may be a megabyte, and lasts as long as its handle. */
const MOST_SESSIONS = 128
const TOUCH_SECONDS = 60 * 60
const COLUMNS = ['log_level', 'subscriptions', 'ended'] as const
const FORGOTTEN: BridgeSession = { logLevel: null, subscriptions: [], ended: true }

/** Null for a session of which nothing was ever said. One that was forgotten to make room has ended. */
export async function load(db: Database, session: BridgeSessionKey): Promise<BridgeSession | null> {
  const id = hashToken(session.id)
  const forgotten = forgottenOf(session)
  const rows = await db
    .selectFrom('bridge_sessions')
    .select(['id_hash', ...COLUMNS, 'expires_at', isUnused().as('unused')])
    .where('id_hash', 'in', [id, forgotten])
    .execute()
  const row = rows.find(({ id_hash }) => id_hash === id)
  if (row?.unused) await touch(db, id)
  if (row) return toSession(row)
  const until = rows.find(({ id_hash }) => id_hash === forgotten)?.expires_at.getTime() ?? 0
  return session.expiresAt <= until ? FORGOTTEN : null
}

/**
 * Of concurrent changes each happens, one after the other. Null when it cannot: the session has ended, or has as many
 * subscriptions as it may have. When the owner has too many sessions, those that have ended are forgotten, and then those
 * that were not used for the longest time; with them all that began before and of which nothing was ever said.
 */
export async function change(
  db: Database,
  session: BridgeSessionKey,
  wanted: BridgeSessionChange,
  mostSubscriptions: number,
): Promise<BridgeSession | null> {
  return db.transaction().execute(async (transaction) => {
    const owner = ownerHash(session)
    await sql`select pg_advisory_xact_lock(hashtextextended(${owner}, 11))`.execute(transaction)
    const before = await load(transaction, session)
    if (before?.ended) return null
    const after = await write(transaction, session, writingOf(wanted, mostSubscriptions))
    if (before === null) await makeRoom(transaction, session)
    return after
  })
}

async function write(
  db: Database,
  session: BridgeSessionKey,
  { first, later, only }: Writing,
): Promise<BridgeSession | null> {
  const own = { owner_hash: ownerHash(session), used_at: sql<Date>`clock_timestamp()` }
  const row = await db
    .insertInto('bridge_sessions')
    .values({
      id_hash: hashToken(session.id),
      ...first,
      ...own,
      expires_at: new Date(session.expiresAt),
    })
    .onConflict((conflict) =>
      conflict
        .column('id_hash')
        .doUpdateSet({ ...later, ...own })
        .where(sql<boolean>`not bridge_sessions.ended and ${only}`),
    )
    .returning(COLUMNS)
    .executeTakeFirst()
  return row ? toSession(row) : null
}

/** Whose handles are still good is not forgotten with them: they would be sessions of which nothing was ever said. */
async function makeRoom(db: Database, session: BridgeSessionKey): Promise<void> {
  const tooMany = db
    .selectFrom('bridge_sessions')
    .select('id_hash')
    .where('owner_hash', '=', ownerHash(session))
    .orderBy('ended')
    .orderBy('used_at', 'desc')
    .orderBy('id_hash')
    .offset(MOST_SESSIONS)
  const gone = await db
    .deleteFrom('bridge_sessions')
    .where('id_hash', 'in', tooMany)
    .returning('expires_at')
    .execute()
  if (gone.length === 0) return
  const until = new Date(Math.max(...gone.map(({ expires_at }) => expires_at.getTime())))
  await db
    .insertInto('bridge_sessions')
    .values({ id_hash: forgottenOf(session), owner_hash: null, ended: true, expires_at: until })
    .onConflict((conflict) =>
      conflict.column('id_hash').doUpdateSet({
        expires_at: sql<Date>`greatest(bridge_sessions.expires_at, excluded.expires_at)`,
      }),
    )
    .execute()
}

/** Not each time: who reads need not write. */
async function touch(db: Database, id: TokenHash): Promise<void> {
  await db
    .updateTable('bridge_sessions')
    .set({ used_at: sql<Date>`clock_timestamp()` })
    .where('id_hash', '=', id)
    .where(isUnused())
    .execute()
}

function isUnused(): RawBuilder<boolean> {
  return sql<boolean>`used_at < clock_timestamp() - make_interval(secs => ${TOUCH_SECONDS})`
}

function ownerHash({ owner }: BridgeSessionKey): TokenHash {
  return hashToken(owner)
}

/** Of the row that says until when an owner's handles would last that were forgotten. No session has such an id. */
function forgottenOf({ owner }: BridgeSessionKey): TokenHash {
  return hashToken(`forgotten ${owner}`)
}

/** At most `limit` rows in one short statement; call again while it returns `limit`. */
export async function deleteExpired(db: Database, limit: number): Promise<number> {
  const expired = db
    .selectFrom('bridge_sessions')
    .select('id_hash')
    .where('expires_at', '<=', sql<Date>`now()`)
    .limit(limit)
    .forUpdate()
    .skipLocked()
  const rows = await db
    .deleteFrom('bridge_sessions')
    .where('id_hash', 'in', expired)
    .returning('id_hash')
    .execute()
  return rows.length
}

function toSession({ log_level, subscriptions, ended }: Row): BridgeSession {
  return { logLevel: log_level, subscriptions, ended }
}
