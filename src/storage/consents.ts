// Owns what people have agreed to: per person, client and resource.
import { type Selectable, sql } from 'kysely'
import { formatScope, parseScope } from '../oauth/scope.ts'
import type { Database, Tables } from './tables.ts'

export interface ConsentKey {
  readonly userId: string
  readonly clientId: string
  /** The resource's identifier; empty for a request that is only about the person. */
  readonly resource: string
}

export interface Consent extends ConsentKey {
  readonly scopes: ReadonlySet<string>
  /** Where the code went when the person agreed. */
  readonly redirectHost: string
  /** Who the client said it was when the person agreed. */
  readonly clientFingerprint: string
  readonly grantedAt: Date
  readonly lastUsedAt: Date
}

export type NewConsent = Omit<Consent, 'grantedAt' | 'lastUsedAt'>

const COLUMNS = [
  'user_id',
  'client_id',
  'resource',
  'scopes',
  'redirect_host',
  'client_fingerprint',
  'granted_at',
  'last_used_at',
] as const

/** Replaces what was remembered under the same key: the scopes are exactly these, so a union is the caller's to make. */
export async function remember(db: Database, consent: NewConsent): Promise<void> {
  const agreed = {
    scopes: formatScope(consent.scopes),
    redirect_host: consent.redirectHost,
    client_fingerprint: consent.clientFingerprint,
    granted_at: sql<Date>`now()`,
    last_used_at: sql<Date>`now()`,
  }
  await db
    .insertInto('consents')
    .values({ user_id: consent.userId, client_id: consent.clientId, resource: consent.resource, ...agreed })
    .onConflict((conflict) => conflict.columns(['user_id', 'client_id', 'resource']).doUpdateSet(agreed))
    .execute()
}

export async function find(db: Database, key: ConsentKey): Promise<Consent | null> {
  const row = await db
    .selectFrom('consents')
    .select(COLUMNS)
    .where('user_id', '=', key.userId)
    .where('client_id', '=', key.clientId)
    .where('resource', '=', key.resource)
    .executeTakeFirst()
  return row ? fromRow(row) : null
}

/** Of one person, the newest first. */
export async function list(db: Database, userId: string): Promise<readonly Consent[]> {
  const rows = await db
    .selectFrom('consents')
    .select(COLUMNS)
    .where('user_id', '=', userId)
    .orderBy('granted_at', 'desc')
    .execute()
  return rows.map(fromRow)
}

export async function touch(db: Database, key: ConsentKey): Promise<void> {
  await db
    .updateTable('consents')
    .set({ last_used_at: sql<Date>`now()` })
    .where('user_id', '=', key.userId)
    .where('client_id', '=', key.clientId)
    .where('resource', '=', key.resource)
    .execute()
}

/** False when there was none. */
export async function remove(db: Database, key: ConsentKey): Promise<boolean> {
  const row = await db
    .deleteFrom('consents')
    .where('user_id', '=', key.userId)
    .where('client_id', '=', key.clientId)
    .where('resource', '=', key.resource)
    .returning('client_id')
    .executeTakeFirst()
  return row !== undefined
}

/** Everything that a person has agreed to for one client. Returns how much that was. */
export async function removeClient(db: Database, userId: string, clientId: string): Promise<number> {
  const rows = await db
    .deleteFrom('consents')
    .where('user_id', '=', userId)
    .where('client_id', '=', clientId)
    .returning('resource')
    .execute()
  return rows.length
}

function fromRow(row: Selectable<Tables['consents']>): Consent {
  return {
    userId: row.user_id,
    clientId: row.client_id,
    resource: row.resource,
    scopes: parseScope(row.scopes),
    redirectHost: row.redirect_host,
    clientFingerprint: row.client_fingerprint,
    grantedAt: row.granted_at,
    lastUsedAt: row.last_used_at,
  }
}
