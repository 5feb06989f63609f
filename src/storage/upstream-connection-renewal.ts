// Owns renewing a connection to an upstream: by whoever holds the newest version, and of those by one alone.

import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { formatScope } from '../oauth/scope.ts'
import type { Keyring } from './sealing.ts'
import type { Database } from './tables.ts'
import {
  type ConnectionKey,
  type NewSecret,
  type StoredConnection,
  sealSecret,
} from './upstream-connection-row.ts'

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
    // What expired needs a new login; what could not be had, or is only reserved, may be had now.
    .where('state', 'in', ['connected', 'error'])
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
    sealed: sealSecret(keyring, key, secret),
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

/** It was not renewed, and may be later: the lease is over at once. `why` is for people, until it is renewed. */
export async function release(
  db: Database,
  { owner, upstream }: ConnectionKey,
  held: string,
  why: string | null,
): Promise<void> {
  await db
    .updateTable('upstream_connections')
    .set({ lease: null, lease_until: null, why })
    .where('owner', '=', owner)
    .where('upstream', '=', upstream)
    .where('lease', '=', held)
    .execute()
}

/** By the holder of the lease: there is nothing to present, and this is why. It may be tried again as it is. */
export async function fail(
  db: Database,
  { owner, upstream }: ConnectionKey,
  held: string,
  why: string | null,
): Promise<void> {
  await db
    .updateTable('upstream_connections')
    .set({ state: 'error', why, sealed: null, good_until: null, lease: null, lease_until: null })
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
