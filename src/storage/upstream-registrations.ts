// Owns what we are registered as at the authorization servers of upstreams: made once per server and callback, and kept.
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { createReseal, type Reseal } from './resealing.ts'
import type { Keyring } from './sealing.ts'
import type { Database, JsonObject } from './tables.ts'

export interface UpstreamRegistration {
  readonly id: string
  readonly issuer: string
  readonly redirectUri: string
  readonly clientId: string
  readonly clientSecret: string | null
  /** As the server answered, without the secret. */
  readonly metadata: JsonObject
}

export type NewRegistration = Omit<UpstreamRegistration, 'id'> & {
  /** Null: never. */
  readonly expiresAt: Date | null
}

const PURPOSE = 'upstream-registration'
const COLUMNS = ['id', 'issuer', 'redirect_uri', 'client_id', 'sealed_secret', 'metadata'] as const

/** While it has not expired. */
export async function find(
  db: Database,
  keyring: Keyring,
  issuer: string,
  redirectUri: string,
): Promise<UpstreamRegistration | null> {
  const row = await db
    .selectFrom('upstream_registrations')
    .select(COLUMNS)
    .where('issuer', '=', issuer)
    .where('redirect_uri', '=', redirectUri)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', sql<Date>`now()`)]))
    .executeTakeFirst()
  return row ? fromRow(row, keyring) : null
}

/** Returns the one that counts: of any number of concurrent calls, the first; an expired one is replaced. */
export async function keep(
  db: Database,
  keyring: Keyring,
  { issuer, redirectUri, clientId, clientSecret, metadata, expiresAt }: NewRegistration,
): Promise<UpstreamRegistration> {
  const id = `ureg_${randomBytes(9).toString('base64url')}`
  const values = {
    id,
    issuer,
    redirect_uri: redirectUri,
    client_id: clientId,
    sealed_secret: clientSecret === null ? null : keyring.seal(PURPOSE, clientSecret, id),
    metadata: JSON.stringify(metadata),
    expires_at: expiresAt,
  }
  const row = await db
    .insertInto('upstream_registrations')
    .values(values)
    .onConflict((conflict) =>
      conflict
        .columns(['issuer', 'redirect_uri'])
        .doUpdateSet(values)
        .where('upstream_registrations.expires_at', '<=', sql<Date>`now()`),
    )
    .returning(COLUMNS)
    .executeTakeFirst()
  const kept = row ? fromRow(row, keyring) : await find(db, keyring, issuer, redirectUri)
  if (!kept) throw new Error('a registration that was just kept is gone')
  return kept
}

/** The server does not know us any more: the next login registers anew. */
export async function forget(db: Database, id: string): Promise<void> {
  await db.deleteFrom('upstream_registrations').where('id', '=', id).execute()
}

interface Row {
  readonly id: string
  readonly issuer: string
  readonly redirect_uri: string
  readonly client_id: string
  readonly sealed_secret: string | null
  readonly metadata: JsonObject
}

function fromRow(row: Row, keyring: Keyring): UpstreamRegistration {
  const { id, issuer, redirect_uri: redirectUri, client_id: clientId, sealed_secret: sealed, metadata } = row
  const clientSecret = sealed === null ? null : (keyring.open(PURPOSE, sealed, id)?.toString() ?? null)
  return { id, issuer, redirectUri, clientId, clientSecret, metadata }
}

export const resealRegistrations: Reseal = createReseal<string>({
  name: 'registrations at upstreams',
  purpose: PURPOSE,
  aad: (id) => id,
  async next(db, prefix, after, limit) {
    return await db
      .selectFrom('upstream_registrations')
      .select(['id', sql<string>`sealed_secret`.as('sealed')])
      .where(sql<boolean>`left(sealed_secret, length(${prefix})) <> ${prefix}`)
      .where('id', '>', after ?? '')
      .orderBy('id')
      .limit(limit)
      .execute()
  },
  async replace(db, id, from, to) {
    await db
      .updateTable('upstream_registrations')
      .set({ sealed_secret: to })
      .where('id', '=', id)
      .where('sealed_secret', '=', from)
      .execute()
  },
})
