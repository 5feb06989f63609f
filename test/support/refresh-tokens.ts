// Owns the rows of refresh tokens in tests: which there are, and how time passes for one.

import { sql } from 'kysely'
import type { Database } from '../../src/storage/database.ts'
import { hashToken } from '../../src/storage/hash.ts'

interface Holder {
  readonly db: Database
}

/** The hashes of all, sorted. */
export async function refreshTokens({ db }: Holder): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('artifacts')
    .select('id_hash')
    .where('model', '=', 'RefreshToken')
    .execute()
  return rows.map(({ id_hash }) => id_hash).sort()
}

/** As if it had been used longer ago than a retry may take. */
export async function passTheGraceWindow({ db }: Holder, token: string): Promise<void> {
  await db
    .updateTable('artifacts')
    .set({ consumed_at: sql`now() - interval '31 seconds'` })
    .where('model', '=', 'RefreshToken')
    .where('id_hash', '=', hashToken(token))
    .execute()
}
