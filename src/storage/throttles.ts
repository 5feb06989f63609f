// Owns forgetting throttled attempts. rate-limiter-flexible counts them, with its own SQL over the pool.
import type { Database } from './tables.ts'

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
