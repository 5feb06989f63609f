// Owns the first tables: people, clients, what the authorization server issues, consents, keys.
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await people(db)
  await clients(db)
  await artifacts(db)
  await consents(db)
  await keys(db)
  await throttles(db)
}

async function people(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table users (
      id text primary key,
      email text not null,
      email_key text not null unique,
      name text not null,
      password_hash text,
      role text not null check (role in ('admin', 'member')),
      disabled_at timestamptz,
      created_at timestamptz not null default now(),
      last_sign_in_at timestamptz
    )`.execute(db)
  await sql`
    create table setup_links (
      token_hash text primary key,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null
    )`.execute(db)
}

async function clients(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table oauth_clients (
      id text primary key,
      metadata jsonb not null,
      created_at timestamptz not null default now(),
      last_used_at timestamptz,
      expires_at timestamptz
    )`.execute(db)
  await sql`create index oauth_clients_expiry on oauth_clients (expires_at) where expires_at is not null`.execute(
    db,
  )
}

async function artifacts(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table artifacts (
      model text not null,
      id_hash text not null,
      payload jsonb not null,
      grant_id text,
      account_id text,
      client_id text,
      uid text,
      user_code text,
      sealed_id text,
      successor_sealed text,
      expires_at timestamptz,
      consumed_at timestamptz,
      created_at timestamptz not null default now(),
      primary key (model, id_hash)
    )`.execute(db)
  await sql`create index artifacts_grant on artifacts (grant_id) where grant_id is not null`.execute(db)
  await sql`create index artifacts_account on artifacts (account_id) where account_id is not null`.execute(db)
  await sql`create unique index artifacts_uid on artifacts (model, uid) where uid is not null`.execute(db)
  await sql`create unique index artifacts_user_code on artifacts (model, user_code) where user_code is not null`.execute(
    db,
  )
  await sql`create index artifacts_expiry on artifacts (expires_at) where expires_at is not null`.execute(db)
}

async function consents(db: Kysely<unknown>): Promise<void> {
  // No foreign key to oauth_clients: a client may be a metadata document that has no row here.
  await sql`
    create table consents (
      user_id text not null references users (id) on delete cascade,
      client_id text not null,
      resource text not null,
      scopes text not null,
      redirect_host text not null,
      client_fingerprint text not null,
      granted_at timestamptz not null default now(),
      last_used_at timestamptz not null default now(),
      primary key (user_id, client_id, resource)
    )`.execute(db)
}

async function keys(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table signing_keys (
      kid text primary key,
      alg text not null,
      public_jwk jsonb not null,
      sealed_private text not null,
      created_at timestamptz not null default now(),
      retired_at timestamptz
    )`.execute(db)
}

/** What rate-limiter-flexible's PostgreSQL store expects. */
async function throttles(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table throttles (
      key varchar(255) primary key,
      points integer not null default 0,
      expire bigint
    )`.execute(db)
  await sql`create index throttles_expiry on throttles (expire)`.execute(db)
}
