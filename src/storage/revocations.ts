// Owns revoking before the time: written with the act that revokes, and told to every replica that lets tokens pass.

import { type RawBuilder, sql } from 'kysely'
import type { Database, RevocationKind } from './tables.ts'
import { inTransaction } from './transactions.ts'

export type { RevocationKind } from './tables.ts'

/** Notified with each change, when its transaction commits. It says nothing: the table is the truth. */
export const REVOCATIONS_CHANNEL = 'gatehouse_revocations'

const DAY_SECONDS = 24 * 60 * 60
/** Of a token request that was under way when the revocation came, and of clocks that differ. */
export const SLACK_SECONDS = 10 * 60
/** The longest that ACCESS_TOKEN_TTL can be, not what it is: it may have been longer when the token was issued. */
const REVOCATION_TTL_SECONDS = DAY_SECONDS + SLACK_SECONDS

/** `iat` comes from the clock of a replica, the moment of a revocation from the database's. */
const CLOCK_SKEW_SECONDS = 5

/** Its records are no access, they keep an assertion from being used twice. */
const REPLAY_RECORDS = 'ReplayDetection'

/**
 * Ends every access token of a grant, a person or a client, also one that a token request under way is about to issue.
 * Call it in the transaction that ends the thing itself.
 */
export async function revoke(
  db: Database,
  kind: Exclude<RevocationKind, 'all'>,
  subject: string,
  ttlSeconds: number = REVOCATION_TTL_SECONDS,
): Promise<void> {
  await write(db, { kind, subject, issuedBefore: null, ttlSeconds })
}

/**
 * Lets new tokens of a person or a client pass again. What was issued up to now stays refused. Call it in the transaction
 * that makes it so.
 */
export async function reinstate(db: Database, kind: 'account' | 'client', subject: string): Promise<void> {
  await db
    .updateTable('revocations')
    .set({
      issued_before: sql<Date>`clock_timestamp()`,
      revoked_at: sql<Date>`now()`,
      changed_in: currentTransaction(),
    })
    .where('kind', '=', kind)
    .where('subject', '=', subject)
    .where('issued_before', 'is', null)
    .returning(notify())
    .execute()
}

/**
 * Ends the access tokens that a person's apps have, and nothing else: each fetches a new one, which says what is true now.
 * A person whose access has ended stays without.
 */
export async function renew(db: Database, userId: string): Promise<void> {
  const changing = {
    revoked_at: sql<Date>`now()`,
    expires_at: sql<Date>`greatest(revocations.expires_at, excluded.expires_at)`,
    changed_in: currentTransaction(),
  }
  await db
    .insertInto('revocations')
    .values({
      kind: 'account',
      subject: userId,
      issued_before: sql<Date>`clock_timestamp()`,
      revoked_at: sql<Date>`now()`,
      expires_at: sql<Date>`now() + make_interval(secs => ${REVOCATION_TTL_SECONDS})`,
      changed_in: currentTransaction(),
    })
    .onConflict((conflict) =>
      conflict.columns(['kind', 'subject']).doUpdateSet({
        ...changing,
        issued_before: sql<Date>`case when revocations.issued_before is not null then excluded.issued_before end`,
      }),
    )
    .returning(notify())
    .execute()
}

/**
 * Ends everything that was issued to anybody: sessions, grants, codes, tokens, API keys. For a database restored from a backup, which
 * has again what was revoked since. Token requests under way finish before it or find nothing left.
 */
export async function revokeAll(db: Database, ttlSeconds: number = REVOCATION_TTL_SECONDS): Promise<void> {
  await inTransaction(db, async (transaction) => {
    await sql`lock table artifacts in share row exclusive mode`.execute(transaction)
    await transaction.deleteFrom('artifacts').where('model', '!=', REPLAY_RECORDS).execute()
    await transaction
      .updateTable('api_keys')
      .set({ revoked_at: sql<Date>`now()` })
      .where('revoked_at', 'is', null)
      .execute()
    const issuedBefore = sql<Date>`clock_timestamp() + make_interval(secs => ${CLOCK_SKEW_SECONDS})`
    await write(transaction, { kind: 'all', subject: '', issuedBefore, ttlSeconds })
  })
}

/** At most `limit` rows in one short statement; call again while it returns `limit`. */
export async function deleteExpired(db: Database, limit: number): Promise<number> {
  const expired = db
    .selectFrom('revocations')
    .select(['kind', 'subject'])
    .where('expires_at', '<=', sql<Date>`now()`)
    .limit(limit)
    .forUpdate()
    .skipLocked()
  const rows = await db
    .deleteFrom('revocations')
    .using(expired.as('expired'))
    .whereRef('revocations.kind', '=', 'expired.kind')
    .whereRef('revocations.subject', '=', 'expired.subject')
    .returning('revocations.kind')
    .execute()
  return rows.length
}

interface Writing {
  readonly kind: RevocationKind
  readonly subject: string
  readonly issuedBefore: RawBuilder<Date> | null
  readonly ttlSeconds: number
}

async function write(db: Database, { kind, subject, issuedBefore, ttlSeconds }: Writing): Promise<void> {
  const changing = {
    issued_before: issuedBefore,
    revoked_at: sql<Date>`now()`,
    expires_at: sql<Date>`now() + make_interval(secs => ${ttlSeconds})`,
    changed_in: currentTransaction(),
  }
  await db
    .insertInto('revocations')
    .values({ kind, subject, ...changing })
    .onConflict((conflict) => conflict.columns(['kind', 'subject']).doUpdateSet(changing))
    .returning(notify())
    .execute()
}

/** In the statement that writes, so that none is written without it; sent when the transaction commits. */
function notify() {
  return sql<string>`pg_notify(${REVOCATIONS_CHANNEL}, '')`.as('notified')
}

function currentTransaction() {
  return sql<string>`pg_current_xact_id()`
}
