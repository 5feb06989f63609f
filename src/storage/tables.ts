// Owns the shape of every table, as the queries see it. The migrations make it so.
import type { ColumnType, Generated, Kysely } from 'kysely'

/** The handle that every storage function takes first: the root, or a transaction. */
export type Database = Kysely<Tables>

export interface Tables {
  users: UsersTable
  oauth_clients: OAuthClientsTable
  artifacts: ArtifactsTable
  consents: ConsentsTable
  signing_keys: SigningKeysTable
  setup_links: SetupLinksTable
  throttles: ThrottlesTable
  initial_access_tokens: InitialAccessTokensTable
  api_keys: ApiKeysTable
  upstream_tools: UpstreamToolsTable
  identities: IdentitiesTable
  revocations: RevocationsTable
  bridge_sessions: BridgeSessionsTable
  upstream_registrations: UpstreamRegistrationsTable
  upstream_connections: UpstreamConnectionsTable
  upstream_logins: UpstreamLoginsTable
  mail: MailTable
  command_events: CommandEventsTable
}

export type JsonObject = Record<string, unknown>

/** Written as text, so that both drivers store exactly what was stringified; read as an object. */
type Json = ColumnType<JsonObject, string, string>

/** Set by the database's clock when it is left out. */
type Timestamp = Generated<Date>

/** `usr_…`; what `sub` says in a token. */
export type UserId = `usr_${string}`

/** `service`: a program's account, without a password, that cannot sign in. */
export type Role = 'admin' | 'member' | 'service'

interface UsersTable {
  id: UserId
  email: string
  /** NFKC, trimmed, lower case; unique. */
  email_key: string
  name: string
  /** A PHC string (argon2id). Null: this person has no password. */
  password_hash: string | null
  role: Role
  disabled_at: Date | null
  created_at: Timestamp
  last_sign_in_at: Date | null
  /** By the clock of the process that ended them, as the beginnings of sessions are. */
  signed_out_at: Date | null
  groups: Generated<string[]>
}

interface OAuthClientsTable {
  id: string
  metadata: Json
  /** `operator`: not by a stranger's registration; never expires. */
  made_by: Generated<'registration' | 'operator'>
  /** Who first agreed to it. */
  owner_id: string | null
  /** Of what was registered; null once it was used, and for what nobody else may be given. */
  twin_hash: string | null
  /** A keyed hash of the address; null once it was used. */
  registered_from: string | null
  created_at: Timestamp
  last_used_at: Date | null
  expires_at: Date | null
}

interface ArtifactsTable {
  model: string
  id_hash: string
  payload: Json
  grant_id: string | null
  account_id: string | null
  client_id: string | null
  uid: string | null
  user_code: string | null
  sealed_id: string | null
  successor_sealed: string | null
  expires_at: Date | null
  consumed_at: Date | null
  created_at: Timestamp
}

interface ConsentsTable {
  user_id: string
  client_id: string
  resource: string
  /** Space-delimited (RFC 6749 §3.3). */
  scopes: string
  redirect_host: string
  client_fingerprint: string
  granted_at: Timestamp
  last_used_at: Timestamp
}

interface SigningKeysTable {
  kid: string
  alg: string
  public_jwk: Json
  sealed_private: string
  created_at: Timestamp
  signs_from: ColumnType<Date>
}

interface SetupLinksTable {
  token_hash: string
  created_at: Timestamp
  expires_at: Date
}

interface UpstreamToolsTable {
  upstream: string
  name: string
  read_only: boolean
  destructive: boolean
  /** When it appeared or became more dangerous; the epoch for what was there at first. */
  since: Date
}

/** The columns that rate-limiter-flexible's PostgreSQL store expects. */
interface ThrottlesTable {
  key: string
  points: Generated<number>
  /** Milliseconds since the epoch. */
  expire: string | null
}

interface IdentitiesTable {
  issuer: string
  subject: string
  user_id: UserId
  created_at: Timestamp
}

/** What ends access tokens before their time. */
export type RevocationKind = 'grant' | 'account' | 'client' | 'all'

interface RevocationsTable {
  kind: RevocationKind
  /** The id of the grant, the person or the client; empty for all. */
  subject: string
  /** Null: whenever the token was issued. */
  issued_before: Date | null
  revoked_at: Timestamp
  expires_at: Date
  /** The transaction that wrote the row last, as text: an xid8. */
  changed_in: Generated<string>
}

/** Of the legacy sessions that the gateway itself keeps. */
interface BridgeSessionsTable {
  id_hash: string
  log_level: string | null
  /** The URIs of `resources/subscribe`. */
  subscriptions: Generated<string[]>
  ended: Generated<boolean>
  expires_at: Date
  /** Null for the row that says since when an owner's sessions are forgotten, and for those of earlier releases. */
  owner_hash: string | null
  used_at: Generated<Date>
}

interface InitialAccessTokensTable {
  id: string
  name: string
  token_hash: string
  /** Null: any number. */
  uses_left: number | null
  created_at: Timestamp
  last_used_at: Date | null
  expires_at: Date | null
}

interface ApiKeysTable {
  /** `key_…`; what the audit and the gateway know it by. */
  id: string
  name: string
  key_hash: string
  /** Its first characters, by which a person tells it from others. */
  hint: string
  user_id: UserId
  /** Space-delimited (RFC 6749 §3.3). */
  scopes: string
  created_at: Timestamp
  last_used_at: Date | null
  expires_at: Date | null
  revoked_at: Date | null
}

interface UpstreamRegistrationsTable {
  id: string
  issuer: string
  redirect_uri: string
  client_id: string
  sealed_secret: string | null
  metadata: Json
  created_at: Timestamp
  expires_at: Date | null
}

interface UpstreamConnectionsTable {
  /** A user's id, or `everybody`. */
  owner: string
  upstream: string
  user_id: string | null
  state: 'connected' | 'expired' | 'error'
  why: string | null
  bound_to: string
  sealed: string | null
  scopes: Generated<string>
  good_until: Date | null
  /** The driver reads a bigint as text. */
  version: Generated<string>
  lease: string | null
  lease_until: Date | null
  created_at: Timestamp
  updated_at: Timestamp
  last_used_at: Date | null
}

interface UpstreamLoginsTable {
  state_hash: string
  owner: string
  user_id: string
  session_hash: string
  upstream: string
  sealed: string
  expires_at: Date
}

interface CommandEventsTable {
  id: Generated<string>
  event: string
  members: Json
  happened_at: Timestamp
}

interface MailTable {
  id: Generated<string>
  address_hash: string
  sealed: string
  expires_at: Date
}
