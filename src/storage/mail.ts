// Owns the table of mail: messages between replicas, each for a minute, sealed, announced when it is there.
import { sql } from 'kysely'
import { hashToken } from './hash.ts'
import type { Database } from './tables.ts'

/** Notified with each message: its id, a space, and the hash of its address. */
export const MAIL_CHANNEL = 'gatehouse_mail'

/** Whoever has not read it by then is not there any more. */
const MAIL_TTL_SECONDS = 60

export interface Letter {
  readonly id: number
  readonly address: string
  readonly sealed: string
}

/** Where a letter is, without what is in it. */
export type Envelope = Pick<Letter, 'id' | 'address'>

export function addressHash(address: string): string {
  return hashToken(address)
}

/** Resolves when it is there for whoever looks. Letters that are sent one after the other have ids in that order. */
export async function post(db: Database, address: string, sealed: string): Promise<void> {
  await sql`
    with letter as (
      insert into mail (address_hash, sealed, expires_at)
      values (${address}, ${sealed}, now() + make_interval(secs => ${MAIL_TTL_SECONDS}))
      returning id
    )
    select pg_notify(${MAIL_CHANNEL}, id || ' ' || ${address}::text) from letter`.execute(db)
}

/** The id after which every letter comes that is sent from now on. */
export async function lastId(db: Database): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    select (case when is_called then last_value else 0 end)::float8 as id from mail_id_seq`.execute(db)
  const [row] = rows
  if (!row) throw new Error('the sequence of the mail is not there')
  return row.id
}

/** Those to these addresses with ids greater than `after`, in the order of their ids. */
export async function envelopes(
  db: Database,
  addresses: readonly string[],
  after: number,
): Promise<readonly Envelope[]> {
  if (addresses.length === 0) return []
  const { rows } = await sql<Envelope>`
    select id::float8 as id, address_hash as address from mail
    where address_hash = any(${addresses}::text[]) and id > ${after} and expires_at > now()
    order by id`.execute(db)
  return rows
}

/** In the order of their ids; none of those that are gone. */
export async function letters(db: Database, ids: readonly number[]): Promise<readonly Letter[]> {
  const { rows } = await sql<Letter>`
    select id::float8 as id, address_hash as address, sealed from mail
    where id = any(${ids}::bigint[]) order by id`.execute(db)
  return rows
}

/** Returns how many were removed: at most `limit`. */
export async function deleteExpired(db: Database, limit: number): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    delete from mail where id in (
      select id from mail where expires_at <= now() order by expires_at limit ${limit} for update skip locked
    ) returning id::float8 as id`.execute(db)
  return rows.length
}

/** What a notification says; null for what none of ours says. */
export function readNotice(notice: string): Envelope | null {
  const [id, address, ...rest] = notice.split(' ')
  const number = Number(id)
  if (address === undefined || rest.length > 0 || !Number.isSafeInteger(number)) return null
  return { id: number, address }
}
