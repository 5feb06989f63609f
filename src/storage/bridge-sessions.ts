// Owns what is remembered of the legacy sessions that the gateway itself keeps: their log level, subscriptions and end.
import { type RawBuilder, sql } from 'kysely'
import { hashToken } from './hash.ts'
import type { Database } from './tables.ts'

export interface BridgeSession {
  readonly logLevel: string | null
  readonly subscriptions: readonly string[]
  readonly ended: boolean
}

export type BridgeSessionChange =
  | { readonly kind: 'level'; readonly level: string }
  | { readonly kind: 'subscribe' | 'unsubscribe'; readonly uri: string }
  | { readonly kind: 'end' }

interface Row {
  readonly log_level: string | null
  readonly subscriptions: string[]
  readonly ended: boolean
}

interface Writing {
  readonly first: { readonly log_level?: string; readonly subscriptions?: string[]; readonly ended?: boolean }
  readonly later: {
    readonly log_level?: string
    readonly subscriptions?: RawBuilder<string[]>
    readonly ended?: boolean
  }
  readonly only: RawBuilder<boolean>
}

/** Each is asked of the upstream whenever the client listens. */
const MOST_SUBSCRIPTIONS = 256
const COLUMNS = ['log_level', 'subscriptions', 'ended'] as const
const ALWAYS = sql<boolean>`true`

/** Null for a session of which nothing was ever said. */
export async function load(db: Database, id: string): Promise<BridgeSession | null> {
  const row = await db
    .selectFrom('bridge_sessions')
    .select(COLUMNS)
    .where('id_hash', '=', hashToken(id))
    .executeTakeFirst()
  return row ? toSession(row) : null
}

/**
 * Of concurrent changes each happens, one after the other. Null when it cannot: the session has ended, or has as many
 * subscriptions as it may have. `expiresAt`: milliseconds since the epoch.
 */
export async function change(
  db: Database,
  id: string,
  wanted: BridgeSessionChange,
  expiresAt: number,
): Promise<BridgeSession | null> {
  const { first, later, only } = writingOf(wanted)
  const row = await db
    .insertInto('bridge_sessions')
    .values({ id_hash: hashToken(id), ...first, expires_at: new Date(expiresAt) })
    .onConflict((conflict) =>
      conflict
        .column('id_hash')
        .doUpdateSet(later)
        .where(sql<boolean>`not bridge_sessions.ended and ${only}`),
    )
    .returning(COLUMNS)
    .executeTakeFirst()
  return row ? toSession(row) : null
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

function writingOf(wanted: BridgeSessionChange): Writing {
  switch (wanted.kind) {
    case 'level':
      return { first: { log_level: wanted.level }, later: { log_level: wanted.level }, only: ALWAYS }
    case 'end':
      return {
        first: { ended: true },
        later: { ended: true, subscriptions: sql<string[]>`'{}'::text[]` },
        only: ALWAYS,
      }
    case 'subscribe':
      return subscribing(wanted.uri)
    case 'unsubscribe':
      return {
        first: {},
        later: { subscriptions: sql<string[]>`array_remove(bridge_sessions.subscriptions, ${wanted.uri})` },
        only: ALWAYS,
      }
  }
}

function subscribing(uri: string): Writing {
  const others = sql<string[]>`array_remove(bridge_sessions.subscriptions, ${uri})`
  return {
    first: { subscriptions: [uri] },
    later: { subscriptions: sql<string[]>`array_append(${others}, ${uri})` },
    only: sql<boolean>`cardinality(${others}) < ${MOST_SUBSCRIPTIONS}`,
  }
}

function toSession({ log_level, subscriptions, ended }: Row): BridgeSession {
  return { logLevel: log_level, subscriptions, ended }
}
