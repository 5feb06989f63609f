// Owns the keys that tokens are signed with. The private part is sealed before it comes here.
import { sql } from 'kysely'
import { createReseal, type Reseal } from './resealing.ts'
import type { Database, JsonObject } from './tables.ts'

export interface NewSigningKey {
  readonly kid: string
  readonly alg: string
  /** RFC 7517, without private members. */
  readonly publicJwk: Readonly<JsonObject>
  readonly sealedPrivate: string
}

export interface StoredSigningKey extends NewSigningKey {
  /** Since when it is published. */
  readonly createdAt: Date
  readonly signsFrom: Date
  /** Until `signsFrom`, by the database's clock, which all replicas share. Negative: it is past. */
  readonly signsInSeconds: number
}

/** Any number that no other advisory lock of this database has. */
const CHANGE_LOCK = 4_201_002

/** Until the transaction ends, nobody else who asks for this changes the keys. */
export async function lock(transaction: Database): Promise<void> {
  await sql`select pg_advisory_xact_lock(${CHANGE_LOCK})`.execute(transaction)
}

export async function create(db: Database, key: NewSigningKey, signsInSeconds = 0): Promise<void> {
  await db
    .insertInto('signing_keys')
    .values({
      kid: key.kid,
      alg: key.alg,
      public_jwk: JSON.stringify(key.publicJwk),
      sealed_private: key.sealedPrivate,
      signs_from: sql<Date>`now() + make_interval(secs => ${signsInSeconds})`,
    })
    .execute()
}

export async function list(db: Database): Promise<readonly StoredSigningKey[]> {
  return await db
    .selectFrom('signing_keys')
    .select([
      'kid',
      'alg',
      'public_jwk as publicJwk',
      'sealed_private as sealedPrivate',
      'created_at as createdAt',
      'signs_from as signsFrom',
      sql<number>`extract(epoch from signs_from - now())::float8`.as('signsInSeconds'),
    ])
    .orderBy('signs_from', 'desc')
    .orderBy('kid')
    .execute()
}

/** Returns the ids of those that were there. */
export async function remove(db: Database, kids: readonly string[]): Promise<readonly string[]> {
  if (kids.length === 0) return []
  const rows = await db.deleteFrom('signing_keys').where('kid', 'in', kids).returning('kid').execute()
  return rows.map((row) => row.kid)
}

/** For the private parts; `purpose` is the one that they were sealed for. */
export function resealPrivate(purpose: string): Reseal {
  return createReseal<string>({
    name: 'signing keys',
    purpose,
    aad: (kid) => kid,
    async next(db, prefix, after, limit) {
      return await db
        .selectFrom('signing_keys')
        .select(['kid as id', 'sealed_private as sealed'])
        .where(sql<boolean>`left(sealed_private, length(${prefix})) <> ${prefix}`)
        .where('kid', '>', after ?? '')
        .orderBy('kid')
        .limit(limit)
        .execute()
    },
    async replace(db, kid, from, to) {
      await db
        .updateTable('signing_keys')
        .set({ sealed_private: to })
        .where('kid', '=', kid)
        .where('sealed_private', '=', from)
        .execute()
    },
  })
}
