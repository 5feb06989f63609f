// Owns what operators did at the command line, until the log of a running service has it.
import { sql } from 'kysely'
import type { Database, JsonObject } from './tables.ts'

export interface CommandEvent {
  readonly event: string
  readonly members: JsonObject
  readonly happenedAt: Date
}

export async function note(db: Database, event: string, members: JsonObject): Promise<void> {
  await db
    .insertInto('command_events')
    .values({ event, members: JSON.stringify(members) })
    .execute()
}

/** At most `limit` of them, in order, each to one of any number of concurrent calls. */
export async function take(db: Database, limit: number): Promise<readonly CommandEvent[]> {
  const next = db
    .selectFrom('command_events')
    .select('id')
    .orderBy('id')
    .limit(limit)
    .forUpdate()
    .skipLocked()
  const rows = await db
    .deleteFrom('command_events')
    .where('id', 'in', next)
    .returning([sql<number>`id::float8`.as('id'), 'event', 'members', 'happened_at'])
    .execute()
  return rows
    .toSorted((one, other) => one.id - other.id)
    .map(({ event, members, happened_at: happenedAt }) => ({ event, members, happenedAt }))
}
