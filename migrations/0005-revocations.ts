// Owns the table of what was revoked: access tokens that nothing stores are refused because of it.
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table revocations (
      kind text not null check (kind in ('grant', 'account', 'client', 'all')),
      subject text not null,
      issued_before timestamptz,
      revoked_at timestamptz not null default now(),
      expires_at timestamptz not null,
      changed_in xid8 not null default pg_current_xact_id(),
      primary key (kind, subject)
    )`.execute(db)
  await sql`create index revocations_changes on revocations (changed_in)`.execute(db)
  await sql`create index revocations_expiry on revocations (expires_at)`.execute(db)
}
