// Owns the table of mail: what one replica has to tell another, for as long as it takes to arrive.
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table mail (
      id bigint generated always as identity primary key,
      address_hash text not null,
      sealed text not null,
      expires_at timestamptz not null
    )`.execute(db)
  await sql`create index mail_address on mail (address_hash, id)`.execute(db)
  await sql`create index mail_expired on mail (expires_at)`.execute(db)
}
