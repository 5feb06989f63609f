// Owns the groups that a person is in, for the operator's policy. With the person, because a token request reads that row anyway.
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table users add column groups text[] not null default '{}'`.execute(db)
}
