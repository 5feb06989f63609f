// Owns the passing of time for signing keys: by the database's clock, against which all their times are stored.

import { sql } from 'kysely'
import type { Database } from '../../src/storage/database.ts'

/** As if so much time had gone by since the keys were made: `90 days`. */
export async function letTimePass(db: Database, interval: string): Promise<void> {
  await sql`
    update signing_keys
    set created_at = created_at - ${interval}::interval, signs_from = signs_from - ${interval}::interval
  `.execute(db)
}
