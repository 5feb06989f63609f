// Owns the table of what operators did at the command line, until the log of a running service has it.
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table command_events (
      id bigint generated always as identity primary key,
      event text not null,
      members jsonb not null,
      happened_at timestamptz not null default now()
    )`.execute(db)
}
