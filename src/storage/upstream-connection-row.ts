// Owns a connection to an upstream as its row holds it: sealed, opened, and sealed again under another key.

import { sql } from 'kysely'
import { parseScope } from '../oauth/scope.ts'
import { createReseal, type Reseal } from './resealing.ts'
import type { Keyring } from './sealing.ts'

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

export const COLUMNS = [
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

export function sealSecret(keyring: Keyring, key: ConnectionKey, secret: string): string {
  return keyring.seal(PURPOSE, secret, aadOf(key))
}

/** What cannot be opened is as good as gone: the person logs in again. */
export function fromRow(row: Row, keyring: Keyring): StoredConnection {
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
