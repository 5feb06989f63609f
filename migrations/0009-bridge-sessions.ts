// Owns what is remembered of the legacy sessions that the gateway itself keeps, beside the handle that the client has.
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('bridge_sessions')
    .addColumn('id_hash', 'text', (column) => column.primaryKey())
    .addColumn('log_level', 'text')
    .addColumn('subscriptions', sql`text[]`, (column) => column.notNull().defaultTo(sql`'{}'`))
    .addColumn('ended', 'boolean', (column) => column.notNull().defaultTo(false))
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('bridge_sessions_expiry').on('bridge_sessions').column('expires_at').execute()
}
