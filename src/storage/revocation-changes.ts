// Owns reading what was revoked before its time: what is new since the last look, and what is about one token.

import { type SelectQueryBuilder, sql } from 'kysely'
import type { Database, RevocationKind, Tables } from './tables.ts'

export interface Revocation {
  readonly kind: RevocationKind
  readonly subject: string
  /** Refuses tokens with an `iat` up to this one, in seconds since the epoch. Null: whatever their `iat`. */
  readonly issuedUntil: number | null
  /** Seconds since the epoch. No token that was issued more than SLACK_SECONDS after it is refused because of it. */
  readonly revokedAt: number
  /** Until every token that it is about has expired. */
  readonly secondsLeft: number
}

export interface Changes {
  readonly revocations: readonly Revocation[]
  /** Where to look from the next time. */
  readonly position: Position
}

export interface Position {
  /** Of a PostgreSQL since its start. Numbers of another one, a standby or a restored backup, mean nothing. */
  readonly history: string
  /** Every transaction with a lower number is over. */
  readonly transaction: string
}

/**
 * What was revoked or reinstated since `position`, or all that still counts: with null, and after a position of another
 * history. Some of it may come again, none is left out: not even what a transaction that began earlier commits later. The
 * newest first, and at most `limit` of them.
 */
export async function changesSince(db: Database, position: Position | null, limit: number): Promise<Changes> {
  // Whatever the transactions before the snapshot's xmin committed is in this answer or in an earlier one.
  const { rows } = await sql<Row>`
    select here.*, kind, subject, ${issuedUntil()} as "issuedUntil", ${revokedAt()} as "revokedAt",
      ${secondsLeft()} as "secondsLeft"
    from (select ${history()} as history, pg_snapshot_xmin(pg_current_snapshot())::text as transaction) as here
    left join revocations on expires_at > now() and changed_in >=
      case when ${history()} = ${position?.history ?? ''} then ${position?.transaction ?? '0'}::xid8 else '0'::xid8 end
    order by revoked_at desc
    limit ${limit}`.execute(db)
  const [first] = rows
  if (!first) throw new Error('the database does not say where it is')
  const { history: now, transaction } = first
  return { position: { history: now, transaction }, revocations: rows.flatMap(fromRow) }
}

/** Those that are about any of these, whenever the token was issued. */
export async function findAbout(
  db: Database,
  { grantId, subject, clientId }: About,
): Promise<readonly Revocation[]> {
  const about: readonly (readonly [RevocationKind, string])[] = [
    ['all', ''],
    ['account', subject],
    ['client', clientId],
    ...(grantId === null ? [] : [['grant', grantId] as const]),
  ]
  return await selectLive(db)
    .where((eb) => eb.or(about.map(([kind, id]) => eb.and({ kind, subject: id }))))
    .execute()
}

export interface About {
  readonly grantId: string | null
  readonly subject: string
  readonly clientId: string
}

interface Row extends Position {
  /** Null, as the rest: nothing has changed. */
  readonly kind: RevocationKind | null
  readonly subject: string | null
  readonly issuedUntil: number | null
  readonly revokedAt: number | null
  readonly secondsLeft: number | null
}

function fromRow({ kind, subject, issuedUntil, revokedAt, secondsLeft }: Row): readonly Revocation[] {
  if (kind === null || subject === null || revokedAt === null || secondsLeft === null) return []
  return [{ kind, subject, issuedUntil, revokedAt, secondsLeft }]
}

function selectLive(db: Database): SelectQueryBuilder<Tables, 'revocations', Revocation> {
  return db
    .selectFrom('revocations')
    .select([
      'kind',
      'subject',
      issuedUntil().as('issuedUntil'),
      revokedAt().as('revokedAt'),
      secondsLeft().as('secondsLeft'),
    ])
    .where('expires_at', '>', sql<Date>`now()`)
}

function history() {
  return sql<string>`extract(epoch from pg_postmaster_start_time())::text`
}

function issuedUntil() {
  return sql<number | null>`floor(extract(epoch from issued_before))::float8`
}

function revokedAt() {
  return sql<number>`extract(epoch from revoked_at)::float8`
}

function secondsLeft() {
  return sql<number>`extract(epoch from expires_at - now())::float8`
}
