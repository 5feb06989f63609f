// Owns what is known about registered clients beside their metadata, the tokens that open registration, and API keys.
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await clients(db)
  await initialAccessTokens(db)
  await serviceAccounts(db)
  await apiKeys(db)
}

async function clients(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table oauth_clients
      add column made_by text not null default 'registration' check (made_by in ('registration', 'operator')),
      add column owner_id text references users (id) on delete set null,
      add column twin_hash text,
      add column registered_from text`.execute(db)
  // Until now nobody noted whether a client was used, so each of them may have been.
  await sql`update oauth_clients set last_used_at = now() where last_used_at is null`.execute(db)
  await sql`create index oauth_clients_owner on oauth_clients (owner_id) where owner_id is not null`.execute(
    db,
  )
  await sql`create index oauth_clients_twin on oauth_clients (twin_hash) where twin_hash is not null`.execute(
    db,
  )
  await sql`
    create index oauth_clients_unused on oauth_clients (registered_from, created_at)
      where last_used_at is null and made_by = 'registration'`.execute(db)
}

async function initialAccessTokens(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table initial_access_tokens (
      id text primary key,
      name text not null,
      token_hash text not null unique,
      uses_left integer check (uses_left >= 0),
      created_at timestamptz not null default now(),
      last_used_at timestamptz,
      expires_at timestamptz
    )`.execute(db)
}

async function serviceAccounts(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table users
      drop constraint users_role_check,
      add constraint users_role_check check (role in ('admin', 'member', 'service')),
      add constraint users_service_check check (role <> 'service' or password_hash is null)`.execute(db)
}

async function apiKeys(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table api_keys (
      id text primary key,
      name text not null,
      key_hash text not null unique,
      hint text not null,
      user_id text not null references users (id) on delete cascade,
      scopes text not null,
      created_at timestamptz not null default now(),
      last_used_at timestamptz,
      expires_at timestamptz,
      revoked_at timestamptz
    )`.execute(db)
  await sql`create index api_keys_user on api_keys (user_id)`.execute(db)
}
