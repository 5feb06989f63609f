// Owns the logins at upstreams: our registrations with their authorization servers, the connections, and those being made.
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await registrations(db)
  await connections(db)
  await logins(db)
}

async function registrations(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table upstream_registrations (
      id text primary key,
      issuer text not null,
      redirect_uri text not null,
      client_id text not null,
      sealed_secret text,
      metadata jsonb not null,
      created_at timestamptz not null default now(),
      expires_at timestamptz,
      unique (issuer, redirect_uri)
    )`.execute(db)
}

async function connections(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table upstream_connections (
      owner text not null,
      upstream text not null,
      user_id text references users (id) on delete cascade,
      state text not null check (state in ('connected', 'expired', 'error')),
      why text,
      bound_to text not null,
      sealed text,
      scopes text not null default '',
      good_until timestamptz,
      version bigint not null default 1,
      lease text,
      lease_until timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      last_used_at timestamptz,
      primary key (owner, upstream)
    )`.execute(db)
  await sql`
    create index upstream_connections_user on upstream_connections (user_id)
      where user_id is not null`.execute(db)
}

async function logins(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table upstream_logins (
      state_hash text primary key,
      owner text not null,
      user_id text not null references users (id) on delete cascade,
      session_hash text not null,
      upstream text not null,
      sealed text not null,
      expires_at timestamptz not null
    )`.execute(db)
  await sql`create index upstream_logins_expired on upstream_logins (expires_at)`.execute(db)
}
