// Owns what each upstream has listed as its tools, and since when.
import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('upstream_tools')
    .addColumn('upstream', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('read_only', 'boolean', (column) => column.notNull())
    .addColumn('destructive', 'boolean', (column) => column.notNull())
    .addColumn('since', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('upstream_tools_pk', ['upstream', 'name'])
    .execute()
}
