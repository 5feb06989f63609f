// Owns what the upstreams have listed as their tools, so that one that came later can be told from one that was there.
import { sql } from 'kysely'
import type { Tools } from '../oauth/tool.ts'
import type { Database } from './tables.ts'
import { inTransaction } from './transactions.ts'

export interface ObservedTool {
  readonly name: string
  readonly readOnly: boolean
  readonly destructive: boolean
}

const SECONDS = sql<number>`floor(extract(epoch from since))::float8`

/**
 * Remembers what an upstream lists, and returns since when each tool is as it is, in seconds since the epoch: 0 for what
 * was there when the upstream was first seen, otherwise when it appeared, stopped being read-only, or became destructive.
 * The same for all replicas, whichever sees a change first.
 */
export async function observe(
  db: Database,
  upstream: string,
  tools: readonly ObservedTool[],
): Promise<ReadonlyMap<string, number>> {
  if (tools.length === 0) return new Map()
  return await inTransaction(db, async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${upstream}, 7))`.execute(transaction)
    const known = await transaction
      .selectFrom('upstream_tools')
      .select('name')
      .where('upstream', '=', upstream)
      .limit(1)
      .executeTakeFirst()
    const since = known ? sql<Date>`now()` : sql<Date>`to_timestamp(0)`
    const rows = await transaction
      .insertInto('upstream_tools')
      .values(
        tools.map(({ name, readOnly, destructive }) => ({
          upstream,
          name,
          read_only: readOnly,
          destructive,
          since,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['upstream', 'name']).doUpdateSet((row) => ({
          read_only: row.ref('excluded.read_only'),
          destructive: row.ref('excluded.destructive'),
          since: sql<Date>`case
            when upstream_tools.read_only and not excluded.read_only then now()
            when excluded.destructive and not upstream_tools.destructive then now()
            else upstream_tools.since end`,
        })),
      )
      .returning(['name', SECONDS.as('seconds')])
      .execute()
    return new Map(rows.map(({ name, seconds }) => [name, seconds]))
  })
}

/** What an upstream had when it was last asked, and tools that it has had before. Their titles are not remembered. */
export async function lastSeen(db: Database, upstream: string): Promise<Tools> {
  const rows = await db
    .selectFrom('upstream_tools')
    .select(['name', 'read_only', 'destructive', SECONDS.as('since')])
    .where('upstream', '=', upstream)
    .execute()
  return new Map(
    rows.map(({ name, read_only: readOnly, destructive, since }) => [
      name,
      { name, title: null, readOnly, destructive, since },
    ]),
  )
}
