// Owns the moment before which every session of a person is over.
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table users add column signed_out_at timestamptz`.execute(db)
}
