// Owns what happens to an artifact once alone, however many ask at the same time: made, spent, replaced, answered.

import { sql } from 'kysely'
import { isLive, type NewArtifact, toRow } from './artifact-row.ts'
import type { TokenHash } from './hash.ts'
import type { Database } from './tables.ts'

/** True for only one of any number of concurrent calls with one identifier. Changes nothing that is there. */
export async function insertOnce(db: Database, artifact: NewArtifact): Promise<boolean> {
  const row = await db
    .insertInto('artifacts')
    .values(toRow(artifact))
    .onConflict((conflict) => conflict.columns(['model', 'id_hash']).doNothing())
    .returning('id_hash')
    .executeTakeFirst()
  return row !== undefined
}

/** True for only one of any number of concurrent calls with one identifier, whichever replica they reach. */
export async function claimOnce(
  db: Database,
  model: string,
  idHash: TokenHash,
  expiresInSeconds: number,
): Promise<boolean> {
  const nothing = {
    grantId: null,
    accountId: null,
    clientId: null,
    uid: null,
    userCode: null,
    sealedId: null,
  }
  return await insertOnce(db, { model, idHash, payload: {}, ...nothing, expiresInSeconds })
}

/**
 * True for only one of any number of concurrent calls, and never for one that has expired. The winner's `successorSealed`
 * is stored in the same statement, so whoever loses finds it. Inside a transaction the others wait for the winner's: if
 * that rolls back, one of them wins.
 */
export async function consumeOnce(
  db: Database,
  model: string,
  idHash: TokenHash,
  successorSealed: string | null = null,
): Promise<boolean> {
  const row = await db
    .updateTable('artifacts')
    .set({ consumed_at: sql<Date>`clock_timestamp()`, successor_sealed: successorSealed })
    .where('model', '=', model)
    .where('id_hash', '=', idHash)
    .where('consumed_at', 'is', null)
    .where(isLive())
    .returning('id_hash')
    .executeTakeFirst()
  return row !== undefined
}

export interface Spent {
  readonly model: string
  readonly idHash: TokenHash
  /** As for `consumeOnce`. */
  readonly successorSealed: string | null
}

/**
 * Consumes the one and stores the other, both or neither, in one statement. True for only one of any number of concurrent
 * calls with the same `spent`, as with `consumeOnce`.
 */
export async function replaceOnce(db: Database, spent: Spent, artifact: NewArtifact): Promise<boolean> {
  const { model, id_hash, payload, expires_at, ...others } = toRow(artifact)
  const names = Object.keys(others).map((name) => sql.ref(name))
  const { rows } = await sql`
    with spent as (
      update artifacts set consumed_at = clock_timestamp(), successor_sealed = ${spent.successorSealed}
      where model = ${spent.model} and id_hash = ${spent.idHash} and consumed_at is null and ${isLive()}
      returning 1
    )
    insert into artifacts (model, id_hash, payload, expires_at, ${sql.join(names)})
    select ${model}, ${id_hash}, ${payload}::jsonb, ${expires_at}, ${sql.join(Object.values(others))}
    from spent
    returning 1`.execute(db)
  return rows.length > 0
}

/** Saves the answer of a person to it. True for only one of any number of concurrent answers. */
export async function answerOnce(db: Database, artifact: NewArtifact): Promise<boolean> {
  const { model, id_hash, ...changing } = toRow(artifact)
  const row = await db
    .updateTable('artifacts')
    .set(changing)
    .where('model', '=', model)
    .where('id_hash', '=', id_hash)
    .where('account_id', 'is', null)
    .where(sql<boolean>`payload -> 'error' is null`)
    .returning('id_hash')
    .executeTakeFirst()
  return row !== undefined
}
