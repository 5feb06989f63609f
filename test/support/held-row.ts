// Owns a starting line for races: a row that is locked until everybody stands at it.

import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Database } from '../../src/storage/database.ts'
import { hashToken } from '../../src/storage/hash.ts'

export interface HeldRow {
  /** Resolves when so many statements, of whatever connection, wait for a lock. */
  untilWaiting(count: number): Promise<void>
  release(): Promise<void>
}

const LOOK_AGAIN_MS = 5

/** Locks the row of a code or a token on a connection of its own. */
export async function holdArtifact(db: Database, model: string, token: string): Promise<HeldRow> {
  const held = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const holding = db.transaction().execute(async (transaction) => {
    await transaction
      .selectFrom('artifacts')
      .select('id_hash')
      .where('model', '=', model)
      .where('id_hash', '=', hashToken(token))
      .forUpdate()
      .executeTakeFirstOrThrow()
    held.resolve()
    await released.promise
  })
  await Promise.race([held.promise, holding])
  return {
    async untilWaiting(count) {
      while ((await countWaiting(db)) < count) await sleep(LOOK_AGAIN_MS)
    },
    async release() {
      released.resolve()
      await holding
    },
  }
}

async function countWaiting(db: Database): Promise<number> {
  const { rows } = await sql<{ waiting: number }>`
    select count(*)::int as waiting from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(db)
  return rows[0]?.waiting ?? 0
}
