// Owns who administers this installation, and the one way the first administrator comes to be.

import { sql } from 'kysely'
import type { TokenHash } from './hash.ts'
import * as setupLinks from './setup-links.ts'
import type { Database } from './tables.ts'
import { inTransaction } from './transactions.ts'
import { type Created, create, type NewUser } from './users.ts'

/** Any number that no other advisory lock of this database has. */
const FIRST_ADMINISTRATOR_LOCK = 4_201_001

/**
 * Only one of any number of concurrent calls succeeds, on any number of processes, and none once there was an
 * administrator, enabled or not. With a token hash, that set-up link must be there and not expired; success ends all set-up
 * links, a refusal leaves them as they are. Null: the caller proved in another way that it may (its configuration).
 */
export async function createFirstAdministrator(
  db: Database,
  user: NewUser,
  setupTokenHash: TokenHash | null,
): Promise<Created<'administrator_exists' | 'setup_link_invalid' | 'email_taken'>> {
  return await inTransaction(db, async (transaction) => {
    await sql`select pg_advisory_xact_lock(${FIRST_ADMINISTRATOR_LOCK})`.execute(transaction)
    if ((await countAdministrators(transaction)) > 0) return { user: null, refusal: 'administrator_exists' }
    if (setupTokenHash !== null && !(await setupLinks.isOpen(transaction, setupTokenHash))) {
      return { user: null, refusal: 'setup_link_invalid' }
    }
    const created = await create(transaction, { ...user, role: 'admin' })
    if (created.user) await transaction.deleteFrom('setup_links').execute()
    return created
  })
}

/** False as well for who is not there, or disabled. */
export async function isAdministrator(db: Database, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('users')
    .select('role')
    .where(sql<boolean>`id = ${id}`)
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
  return row?.role === 'admin'
}

/** Disabled ones count: setting up is over for good once there was one. */
export async function countAdministrators(db: Database): Promise<number> {
  const { count } = await db
    .selectFrom('users')
    .select(sql<number>`count(*)::int`.as('count'))
    .where('role', '=', 'admin')
    .executeTakeFirstOrThrow()
  return count
}
