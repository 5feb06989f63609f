// Owns what the authorization server issues and must find again: sessions, interactions, grants, codes, refresh tokens.

import { sql } from 'kysely'
import { isLive, type NewArtifact, toRow } from './artifact-row.ts'
import type { TokenHash } from './hash.ts'
import type { Database, JsonObject } from './tables.ts'

export interface StoredArtifact {
  readonly model: string
  readonly idHash: string
  readonly payload: JsonObject
  readonly sealedId: string | null
}

export interface Artifact extends StoredArtifact {
  readonly consumedAt: Date | null
  /** By the database's clock, which all replicas share. Null: not consumed. */
  readonly secondsSinceConsumed: number | null
  /** What replaced it, sealed under a key that only its holder has. */
  readonly successorSealed: string | null
}

/** Creates or replaces. What consuming wrote stays: nothing that was spent can be saved back to life. */
export async function upsert(db: Database, artifact: NewArtifact): Promise<void> {
  const { model, id_hash, ...changing } = toRow(artifact)
  await db
    .insertInto('artifacts')
    .values({ model, id_hash, ...changing })
    .onConflict((conflict) => conflict.columns(['model', 'id_hash']).doUpdateSet(changing))
    .execute()
}

/** Null when it is not there or has expired; a consumed one is found. */
export async function find(db: Database, model: string, idHash: TokenHash): Promise<Artifact | null> {
  const row = await selectLive(db, model).where('id_hash', '=', idHash).executeTakeFirst()
  return row ?? null
}

export async function findByUid(db: Database, model: string, uid: string): Promise<Artifact | null> {
  const row = await selectLive(db, model).where('uid', '=', uid).executeTakeFirst()
  return row ?? null
}

export async function findByUserCode(
  db: Database,
  model: string,
  userCode: string,
): Promise<Artifact | null> {
  const row = await selectLive(db, model).where('user_code', '=', userCode).executeTakeFirst()
  return row ?? null
}

export interface OwnedArtifact extends StoredArtifact {
  readonly grantId: string | null
  readonly createdAt: Date
}

/** Everything of these kinds that an account has, the newest first. */
export async function listByAccount(
  db: Database,
  accountId: string,
  models: readonly string[],
): Promise<readonly OwnedArtifact[]> {
  return await db
    .selectFrom('artifacts')
    .select([
      'model',
      'id_hash as idHash',
      'payload',
      'sealed_id as sealedId',
      'grant_id as grantId',
      'created_at as createdAt',
    ])
    .where('account_id', '=', accountId)
    .where('model', 'in', models)
    .where(isLive())
    .orderBy('created_at', 'desc')
    .execute()
}

function selectLive(db: Database, model: string) {
  return db
    .selectFrom('artifacts')
    .select([
      'model',
      'id_hash as idHash',
      'payload',
      'sealed_id as sealedId',
      'consumed_at as consumedAt',
      'successor_sealed as successorSealed',
      sql<number | null>`extract(epoch from clock_timestamp() - consumed_at)::float8`.as(
        'secondsSinceConsumed',
      ),
    ])
    .where('model', '=', model)
    .where(isLive())
}
