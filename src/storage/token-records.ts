// Owns the one look at all that a token request is about: who asks, what it presents, and whose grant that came from.
import { sql } from 'kysely'
import type { Artifact } from './artifacts.ts'
import type { StoredClient } from './clients.ts'
import type { TokenHash } from './hash.ts'
import type { Database, JsonObject, UserId } from './tables.ts'
import type { User } from './users.ts'

export interface TokenQuestion {
  readonly clientId: string
  /** Of what is presented: `AuthorizationCode`, `RefreshToken`. */
  readonly model: string
  readonly idHash: TokenHash
}

/** The person, as far as it matters to tokens. */
export type Holder = Pick<User, 'id' | 'email' | 'name' | 'disabledAt' | 'signedOutAt' | 'groups'>

/** The client, as far as it matters to tokens. */
export type Asker = Pick<StoredClient, 'id' | 'metadata'>

/** Each null when it is not there or has expired. A consumed one is found. */
export interface TokenRecords {
  readonly client: Asker | null
  readonly presented: Artifact | null
  readonly grant: Artifact | null
  readonly holder: Holder | null
}

interface Row {
  client_id: string | null
  client_metadata: JsonObject
  payload: JsonObject | null
  sealed_id: string | null
  consumed_at: Date | null
  seconds_since_consumed: number | null
  successor_sealed: string | null
  grant_hash: string
  grant_payload: JsonObject | null
  holder_id: UserId | null
  email: string
  name: string
  disabled_at: Date | null
  signed_out_at: Date | null
  groups: readonly string[]
}

/** One statement, because a token request is short and each journey to the database is a large part of it. */
export async function find(db: Database, question: TokenQuestion): Promise<TokenRecords> {
  const { rows } = await sql<Row>`
    select c.id as client_id, c.metadata as client_metadata,
      t.payload, t.sealed_id, t.consumed_at, t.successor_sealed,
      extract(epoch from clock_timestamp() - t.consumed_at)::float8 as seconds_since_consumed,
      g.id_hash as grant_hash, g.payload as grant_payload,
      u.id as holder_id, u.email, u.name, u.disabled_at, u.signed_out_at, u.groups
    from (select) as one
    left join oauth_clients c on c.id = ${question.clientId} and (c.expires_at is null or c.expires_at > now())
    left join artifacts t on t.model = ${question.model} and t.id_hash = ${question.idHash}
      and (t.expires_at is null or t.expires_at > now())
    left join artifacts g on g.model = 'Grant' and g.id_hash = ${hashed(sql`t.grant_id`)}
      and (g.expires_at is null or g.expires_at > now())
    left join users u on u.id = t.account_id`.execute(db)
  const [row] = rows
  if (!row) throw new Error('one row was asked for')
  return {
    client: clientOf(row),
    presented: presentedOf(row, question),
    grant: grantOf(row),
    holder: holderOf(row),
  }
}

/** `hashToken` in SQL: base64url of the SHA-256, without padding. */
function hashed(text: ReturnType<typeof sql>) {
  return sql`rtrim(translate(encode(sha256(convert_to(${text}, 'UTF8')), 'base64'), '+/', '-_'), '=')`
}

function clientOf({ client_id: id, client_metadata: metadata }: Row): Asker | null {
  return id === null ? null : { id, metadata }
}

function presentedOf(row: Row, { model, idHash }: TokenQuestion): Artifact | null {
  if (row.payload === null) return null
  return {
    model,
    idHash,
    payload: row.payload,
    sealedId: row.sealed_id,
    consumedAt: row.consumed_at,
    secondsSinceConsumed: row.seconds_since_consumed,
    successorSealed: row.successor_sealed,
  }
}

/** A grant is never consumed. */
function grantOf({ grant_hash: idHash, grant_payload: payload }: Row): Artifact | null {
  if (payload === null) return null
  const unused = { sealedId: null, consumedAt: null, secondsSinceConsumed: null, successorSealed: null }
  return { model: 'Grant', idHash, payload, ...unused }
}

function holderOf({ holder_id: id, email, name, groups, ...row }: Row): Holder | null {
  if (id === null) return null
  return { id, email, name, disabledAt: row.disabled_at, signedOutAt: row.signed_out_at, groups }
}
