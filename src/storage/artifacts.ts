// Owns what the authorization server issues and must find again: sessions, interactions, grants, codes, refresh tokens.
import { sql } from 'kysely'
import type { TokenHash } from './hash.ts'
import type { Database, JsonObject } from './tables.ts'

export interface NewArtifact {
  /** oidc-provider's word for the kind: `Session`, `AuthorizationCode`, … */
  readonly model: string
  readonly idHash: TokenHash
  readonly payload: Readonly<JsonObject>
  readonly grantId: string | null
  readonly accountId: string | null
  readonly clientId: string | null
  readonly uid: string | null
  readonly userCode: string | null
  /** The identifier, sealed, for kinds that are found by something else and saved again under it. */
  readonly sealedId: string | null
  /** Null: never expires. */
  readonly expiresInSeconds: number | null
}

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

/** The account's sessions, or the one with this uid. Returns how many there were. */
export async function endSessions(db: Database, accountId: string, uid?: string): Promise<number> {
  const ofAccount = db
    .deleteFrom('artifacts')
    .where('model', '=', 'Session')
    .where('account_id', '=', accountId)
  const rows = await (uid === undefined ? ofAccount : ofAccount.where('uid', '=', uid))
    .returning('id_hash')
    .execute()
  return rows.length
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

/** False when there was none. */
export async function destroy(db: Database, model: string, idHash: TokenHash): Promise<boolean> {
  const row = await db
    .deleteFrom('artifacts')
    .where('model', '=', model)
    .where('id_hash', '=', idHash)
    .returning('id_hash')
    .executeTakeFirst()
  return row !== undefined
}

/** Everything issued under the grant, or only one kind of it. Returns how many there were. */
export async function revokeByGrant(db: Database, grantId: string, model?: string): Promise<number> {
  const ofGrant = db.deleteFrom('artifacts').where('grant_id', '=', grantId)
  const rows = await (model === undefined ? ofGrant : ofGrant.where('model', '=', model))
    .returning('id_hash')
    .execute()
  return rows.length
}

/** Everything that belongs to the account: sessions, grants, codes, tokens. Returns how many there were. */
export async function revokeByAccount(db: Database, accountId: string): Promise<number> {
  const rows = await db
    .deleteFrom('artifacts')
    .where('account_id', '=', accountId)
    .returning('id_hash')
    .execute()
  return rows.length
}

/**
 * Everything that was issued to the client. Returns how many there were. Reads the whole table: removing a client is rare,
 * and an index would cost a write for each token.
 */
export async function revokeByClient(db: Database, clientId: string): Promise<number> {
  const rows = await db
    .deleteFrom('artifacts')
    .where('client_id', '=', clientId)
    .returning('id_hash')
    .execute()
  return rows.length
}

/** At most `limit` rows in one short statement; call again while it returns `limit`. Replicas never wait for each other. */
export async function deleteExpired(db: Database, limit: number): Promise<number> {
  const expired = db
    .selectFrom('artifacts')
    .select(['model', 'id_hash'])
    .where('expires_at', '<=', sql<Date>`now()`)
    .limit(limit)
    .forUpdate()
    .skipLocked()
  const rows = await db
    .deleteFrom('artifacts')
    .using(expired.as('expired'))
    .whereRef('artifacts.model', '=', 'expired.model')
    .whereRef('artifacts.id_hash', '=', 'expired.id_hash')
    .returning('artifacts.id_hash')
    .execute()
  return rows.length
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

function isLive() {
  return sql<boolean>`(expires_at is null or expires_at > now())`
}

function toRow(artifact: NewArtifact) {
  return {
    model: artifact.model,
    id_hash: artifact.idHash,
    payload: JSON.stringify(artifact.payload),
    grant_id: artifact.grantId,
    account_id: artifact.accountId,
    client_id: artifact.clientId,
    uid: artifact.uid,
    user_code: artifact.userCode,
    sealed_id: artifact.sealedId,
    expires_at: expiry(artifact.expiresInSeconds),
  }
}

function expiry(seconds: number | null) {
  return seconds === null ? null : sql<Date>`now() + make_interval(secs => ${seconds})`
}
