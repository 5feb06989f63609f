// Owns who a person is at other identity providers: issuer and subject, which never change as addresses do.
import type { Database, UserId } from './tables.ts'

export interface Identity {
  readonly issuer: string
  readonly subject: string
}

export async function findUserId(db: Database, { issuer, subject }: Identity): Promise<UserId | null> {
  const row = await db
    .selectFrom('identities')
    .select('user_id')
    .where('issuer', '=', issuer)
    .where('subject', '=', subject)
    .executeTakeFirst()
  return row?.user_id ?? null
}

/** Returns whose it is afterwards: of any number of concurrent calls, the first decides. */
export async function link(db: Database, { issuer, subject }: Identity, userId: UserId): Promise<UserId> {
  await db
    .insertInto('identities')
    .values({ issuer, subject, user_id: userId })
    .onConflict((conflict) => conflict.columns(['issuer', 'subject']).doNothing())
    .execute()
  return (await findUserId(db, { issuer, subject })) ?? userId
}
