// Owns which groups people are in: joined and left, with effect on the next token or at once.

import { type RawBuilder, sql } from 'kysely'
import * as revocations from './revocations.ts'
import type { Database, UserId } from './tables.ts'
import { inTransaction } from './transactions.ts'

/**
 * Tokens that are issued from now on say so. With `atOnce` those that the person's apps have are over, and they fetch new
 * ones. False when nothing changed: there is no such user, or the user was in it already.
 */
export async function joinGroup(db: Database, id: UserId, group: string, atOnce: boolean): Promise<boolean> {
  const joined = sql<string[]>`array(select unnest(array_append(groups, ${group})) order by 1)`
  return await changeGroups(db, {
    id,
    groups: joined,
    only: sql<boolean>`not ${group} = any(groups)`,
    atOnce,
  })
}

/** As `joinGroup`, the other way. */
export async function leaveGroup(db: Database, id: UserId, group: string, atOnce: boolean): Promise<boolean> {
  const left = sql<string[]>`array_remove(groups, ${group})`
  return await changeGroups(db, { id, groups: left, only: sql<boolean>`${group} = any(groups)`, atOnce })
}

interface GroupChange {
  readonly id: UserId
  readonly groups: RawBuilder<string[]>
  readonly only: RawBuilder<boolean>
  readonly atOnce: boolean
}

async function changeGroups(db: Database, { id, groups, only, atOnce }: GroupChange): Promise<boolean> {
  return await inTransaction(db, async (transaction) => {
    const row = await transaction
      .updateTable('users')
      .set({ groups })
      .where('id', '=', id)
      .where(only)
      .returning('id')
      .executeTakeFirst()
    if (row && atOnce) await revocations.renew(transaction, id)
    return row !== undefined
  })
}
