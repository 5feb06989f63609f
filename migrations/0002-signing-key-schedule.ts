// Owns from when a signing key signs: everything else about its life follows from that and from its successor's.
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table signing_keys add column signs_from timestamptz`.execute(db)
  await sql`update signing_keys set signs_from = created_at`.execute(db)
  await sql`alter table signing_keys alter column signs_from set not null`.execute(db)
  await sql`alter table signing_keys drop column retired_at`.execute(db)
}
