// Owns whose a remembered legacy session is and when it was used last, so that each person and client has only so many.
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table bridge_sessions
      add column owner_hash text,
      add column used_at timestamptz not null default now()`.execute(db)
  await sql`
    create index bridge_sessions_owner on bridge_sessions (owner_hash, used_at)
      where owner_hash is not null`.execute(db)
}
