// Owns the registrations that nobody has used yet: which of them two requests may share, and how many there may be.
import { sql } from 'kysely'
import type { Database, JsonObject } from './tables.ts'

export interface NewRegistration {
  readonly id: string
  readonly metadata: Readonly<JsonObject>
  /** Of what was registered; null when no other request may be given the same client. */
  readonly twinHash: string | null
  /** A pseudonym of the address. */
  readonly from: string
  readonly expiresInSeconds: number
}

/** One of these leaves room for so many more, so that the work of evicting is not done for each. */
const ROOM = 0.1

/** Leaves a client alone that is there already: it was shared, and keeps what was noted about it. */
export async function save(db: Database, registration: NewRegistration): Promise<void> {
  await db
    .insertInto('oauth_clients')
    .values({
      id: registration.id,
      metadata: JSON.stringify(registration.metadata),
      twin_hash: registration.twinHash,
      registered_from: registration.from,
      expires_at: sql<Date>`now() + make_interval(secs => ${registration.expiresInSeconds})`,
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

export interface Sharing {
  readonly twinHash: string
  /** Members that its metadata gets, so that whoever looks at the client knows. */
  readonly note: Readonly<JsonObject>
  readonly expiresInSeconds: number
}

/** The identifier of an unused client of the same metadata, from now on a shared one; null when there is none. */
export async function share(
  db: Database,
  { twinHash, note, expiresInSeconds }: Sharing,
): Promise<string | null> {
  // A person may agree to it at the same moment. Whichever statement comes second sees what the first one did.
  const row = await db
    .updateTable('oauth_clients')
    .set({
      metadata: sql`metadata || ${JSON.stringify(note)}::jsonb`,
      expires_at: sql<Date>`now() + make_interval(secs => ${expiresInSeconds})`,
    })
    .where('id', '=', (eb) =>
      eb
        .selectFrom('oauth_clients')
        .select('id')
        .where('twin_hash', '=', twinHash)
        .where('expires_at', '>', sql<Date>`now()`)
        .orderBy('created_at')
        .limit(1),
    )
    .where('twin_hash', '=', twinHash)
    .where('last_used_at', 'is', null)
    .returning('id')
    .executeTakeFirst()
  return row?.id ?? null
}

/**
 * Keeps at most `most` unused registrations, and returns how many it removed. The oldest go first of whichever address has
 * the most, so that a flood from a few addresses pushes out its own.
 */
export async function evict(db: Database, most: number): Promise<number> {
  const unused = sql`from oauth_clients where last_used_at is null and made_by = 'registration'`
  const { rows } = await sql<{ count: number }>`select count(*)::int as count ${unused}`.execute(db)
  const count = rows[0]?.count ?? 0
  if (count <= most) return 0
  const excess = count - Math.floor(most * (1 - ROOM))
  const { rows: removed } = await sql`
    delete from oauth_clients
    where last_used_at is null and id in (
      select id from (
        select id, created_at, row_number() over (partition by registered_from order by created_at desc) as nth
        ${unused}
      ) as ranked
      order by nth desc, created_at
      limit ${excess}
    )
    returning id`.execute(db)
  return removed.length
}
