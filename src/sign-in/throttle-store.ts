// Owns where failures are counted: PostgreSQL for all replicas, or this process's memory.

import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterPostgres } from 'rate-limiter-flexible'

/** Opens one set of counters that forget after `seconds`. A failing store rejects; it never lets anybody through. */
export type OpenCounters = (prefix: string, seconds: number) => RateLimiterAbstract

/** What is asked of a pg pool, or of anything that answers like one. */
export interface QueryPool {
  query(query: { name?: string; text: string; values?: unknown[] }): Promise<{
    rows: readonly unknown[]
    rowCount: number | null
  }>
}

const TABLE = 'throttles'
/** Counters are read and added to, never "consumed": the rules are in throttle-rules.ts. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER

export function openInMemory(): OpenCounters {
  return (keyPrefix, duration) => new RateLimiterMemory({ keyPrefix, duration, points: NO_LIMIT })
}

/** The table comes from a migration; expired rows are removed by housekeeping. */
export function openInPostgres(pool: QueryPool): OpenCounters {
  return (keyPrefix, duration) =>
    new RateLimiterPostgres({
      storeClient: pool,
      storeType: 'pool',
      tableName: TABLE,
      tableCreated: true,
      clearExpiredByTimeout: false,
      keyPrefix,
      duration,
      points: NO_LIMIT,
    })
}
