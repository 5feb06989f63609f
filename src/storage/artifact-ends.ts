// Owns the end of artifacts: one, all of a grant, a person or a client, and whatever has expired.

import { sql } from 'kysely'
import type { TokenHash } from './hash.ts'
import type { Database } from './tables.ts'

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
