// Owns the table of throttled attempts: rate-limiter-flexible's PostgreSQL store counts in it, with its own SQL.
import { CompiledQuery } from 'kysely'
import type { Database } from './tables.ts'

/** The store's `tableName`; its `tableCreated` is true. */
export const THROTTLES_TABLE = 'throttles'

interface ThrottleQuery {
  readonly text: string
  readonly values?: readonly unknown[]
}

interface ThrottleResult {
  readonly rows: readonly unknown[]
  readonly rowCount: number
}

/** What the store takes for a pool (`storeType: 'pool'`). */
export interface ThrottleClient {
  query(query: ThrottleQuery): Promise<ThrottleResult>
}

/** On the root, so that an attempt counts even when the request's transaction is rolled back. */
export function createThrottleClient(root: Database): ThrottleClient {
  return {
    async query({ text, values = [] }) {
      const { rows, numAffectedRows } = await root.executeQuery(CompiledQuery.raw(text, [...values]))
      return { rows, rowCount: rows.length > 0 ? rows.length : Number(numAffectedRows ?? 0) }
    },
  }
}

/** At most `limit` rows in one short statement; call again while it returns `limit`. */
export async function deleteExpired(db: Database, limit: number): Promise<number> {
  const expired = db
    .selectFrom('throttles')
    .select('key')
    .where('expire', '<=', String(Date.now()))
    .limit(limit)
    .forUpdate()
    .skipLocked()
  const rows = await db.deleteFrom('throttles').where('key', 'in', expired).returning('key').execute()
  return rows.length
}
