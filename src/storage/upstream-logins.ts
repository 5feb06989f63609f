// Owns logins at upstreams that are under way: what the callback needs, once, for the browser that began.
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { hashToken } from './hash.ts'
import type { Keyring } from './sealing.ts'
import type { Database, UserId } from './tables.ts'

export interface UpstreamLogin {
  /** Whose connection it will be, see upstream-connections.ts. */
  readonly owner: string
  readonly userId: UserId
  /** Of the browser here. */
  readonly sessionId: string
  readonly upstream: string
  /** What only the callback may see: the verifier among it. */
  readonly secret: string
}

const PURPOSE = 'upstream-login'
const LOGIN_TTL_SECONDS = 10 * 60

/** Returns the `state` to send along. */
export async function begin(db: Database, keyring: Keyring, login: UpstreamLogin): Promise<string> {
  const state = randomBytes(32).toString('base64url')
  const hash = hashToken(state)
  await db
    .insertInto('upstream_logins')
    .values({
      state_hash: hash,
      owner: login.owner,
      user_id: login.userId,
      session_hash: hashToken(login.sessionId),
      upstream: login.upstream,
      sealed: keyring.seal(PURPOSE, login.secret, hash),
      expires_at: sql<Date>`now() + make_interval(secs => ${LOGIN_TTL_SECONDS})`,
    })
    .execute()
  return state
}

/** Only one of any number of concurrent calls gets it, in the session that began it, and none after it has expired. */
export async function take(
  db: Database,
  keyring: Keyring,
  state: string,
  { userId, sessionId }: Pick<UpstreamLogin, 'userId' | 'sessionId'>,
): Promise<UpstreamLogin | null> {
  const hash = hashToken(state)
  const row = await db
    .deleteFrom('upstream_logins')
    .where('state_hash', '=', hash)
    .where('user_id', '=', userId)
    .where('session_hash', '=', hashToken(sessionId))
    .where('expires_at', '>', sql<Date>`now()`)
    .returning(['owner', 'upstream', 'sealed'])
    .executeTakeFirst()
  const secret = row && keyring.open(PURPOSE, row.sealed, hash)?.toString()
  if (!row || secret === undefined) return null
  return { owner: row.owner, userId, sessionId, upstream: row.upstream, secret }
}

/** At most `limit` rows in one short statement. Returns how many. */
export async function deleteExpired(db: Database, limit: number): Promise<number> {
  const expired = db
    .selectFrom('upstream_logins')
    .select('state_hash')
    .where('expires_at', '<=', sql<Date>`now()`)
    .limit(limit)
    .forUpdate()
    .skipLocked()
  const rows = await db
    .deleteFrom('upstream_logins')
    .where('state_hash', 'in', expired)
    .returning('state_hash')
    .execute()
  return rows.length
}
