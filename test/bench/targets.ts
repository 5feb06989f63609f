// Owns the two services that are compared: Gatehouse on PostgreSQL, and bare oidc-provider in memory.

import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import type { Database } from '../../src/storage/database.ts'
import { hashToken } from '../../src/storage/hash.ts'
import type { Teardown } from '../support/database.ts'
import { authorizationRequest, REDIRECT_URI, register } from '../support/oauth.ts'
import { createOperatorClient } from '../support/operator-clients.ts'
import { startPostgresProxy } from '../support/postgres-proxy.ts'
import { startService } from '../support/replicas.ts'
import { authorize } from '../support/sign-in.ts'
import type { Processes, TokenRequest } from './measure.ts'

export interface Target {
  readonly name: string
  readonly origin: string
  readonly processes: Processes
  /** Fresh codes, as the requests that redeem them. */
  codes(count: number): Promise<readonly TokenRequest[]>
  refreshing(refreshToken: string): TokenRequest
  /** By a machine, for itself. */
  credentials(): TokenRequest
  /** By a resource server, of what a code was exchanged for. */
  introspecting(tokens: Readonly<Record<string, unknown>>): TokenRequest
  /** The statements of one request, after another of its kind; none where there is no database. */
  statementsOf(warmUp: TokenRequest, counted: TokenRequest): Promise<readonly string[]>
}

const ALICE = 'alice@example.com'
const BARE = fileURLToPath(new URL('./bare-provider.ts', import.meta.url))

export async function startBareProvider(t: Teardown): Promise<Target> {
  const child = spawn(process.execPath, [BARE], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGTERM'))
  const [line] = await once(child.stdout, 'data')
  const origin = String(line).trim()
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  const client_id = 'bench'
  return {
    name: 'bare oidc-provider in memory',
    origin,
    processes: { service: child.pid ?? 0, databaseBackends: async () => [] },
    statementsOf: async () => [],
    async codes(count) {
      const answer = await fetch(`${origin}/codes?count=${count}&challenge=${challenge}`)
      const codes: readonly string[] = JSON.parse(await answer.text())
      return codes.map((code) => redemption(client_id, code, verifier))
    },
    // It stores no structured access tokens and refuses to speak of them, so it is asked about a refresh token.
    ...requestsOf(client_id, { client_id: 'machine', client_secret: 'machine-secret' }, 'refresh_token'),
  }
}

export async function startGatehouse(t: Teardown): Promise<Target> {
  const service = await startService(t)
  const { publicUrl: origin, db } = service
  await service.createPerson(ALICE)
  const { client_id } = await register(origin)
  const request = authorizationRequest(origin, client_id)
  const code = (await authorize(service.browser(), request, ALICE)).get('code') ?? ''
  const machine = await createOperatorClient(
    { db, origin },
    { grants: ['client_credentials'], method: 'client_secret_post', scope: 'demo', introspects: null },
  )

  return {
    name: 'Gatehouse on PostgreSQL',
    origin,
    processes: { service: service.first.pid, databaseBackends: () => backendsOf(db) },
    async codes(count) {
      const codes = await copyCode(db, code, count)
      return codes.map((each) => redemption(client_id, each, request.verifier))
    },
    ...requestsOf(client_id, { client_id: machine.id, client_secret: machine.secret }),
    async statementsOf(warmUp, counted) {
      const proxy = await startPostgresProxy(t, service.databaseUrl)
      const replica = await service.startAnother(proxy.url)
      await replica.post(warmUp.path ?? '/token', warmUp.form)
      const statements = await proxy.record(() => replica.post(counted.path ?? '/token', counted.form))
      await replica.stop()
      return statements
    },
  }
}

function requestsOf(
  client_id: string,
  machine: { readonly client_id: string; readonly client_secret: string },
  introspected = 'access_token',
): Pick<Target, 'refreshing' | 'credentials' | 'introspecting'> {
  return {
    refreshing: (refresh_token) => ({ form: { grant_type: 'refresh_token', client_id, refresh_token } }),
    credentials: () => ({ form: { grant_type: 'client_credentials', scope: 'demo:read', ...machine } }),
    introspecting: (tokens) => ({
      path: '/introspect',
      form: { token: String(tokens[introspected]), ...machine },
    }),
  }
}

function redemption(client_id: string, code: string, code_verifier: string): TokenRequest {
  const form = { client_id, code, code_verifier, redirect_uri: REDIRECT_URI }
  return { form: { grant_type: 'authorization_code', ...form } }
}

/** Of the pool of the service; ours sleep. */
async function backendsOf(db: Database): Promise<readonly number[]> {
  const { rows } = await sql<{ pid: number }>`
    select pid from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend'`.execute(db)
  return rows.map(({ pid }) => pid)
}

/** The first code is never redeemed: as many others as wanted are copied from it, each with a grant of its own. */
async function copyCode(db: Database, code: string, count: number): Promise<readonly string[]> {
  const random = () => randomBytes(32).toString('base64url')
  const copies = Array.from({ length: count }, () => ({ code: random(), grant: random() }))
  const original = await db
    .selectFrom('artifacts')
    .selectAll()
    .where('model', '=', 'AuthorizationCode')
    .where('id_hash', '=', hashToken(code))
    .executeTakeFirstOrThrow()
  const grant = await db
    .selectFrom('artifacts')
    .selectAll()
    .where('model', '=', 'Grant')
    .where('id_hash', '=', hashToken(original.grant_id ?? ''))
    .executeTakeFirstOrThrow()
  const expires_at = sql<Date>`now() + interval '1 hour'`
  const exp = Math.floor(Date.now() / 1000) + 3600
  const rows = copies.flatMap((copy) => [
    { ...grant, id_hash: hashToken(copy.grant), payload: JSON.stringify(grant.payload) },
    {
      ...original,
      id_hash: hashToken(copy.code),
      grant_id: copy.grant,
      expires_at,
      payload: JSON.stringify({ ...original.payload, exp, grantId: copy.grant }),
    },
  ])
  for (let from = 0; from < rows.length; from += 500)
    await db
      .insertInto('artifacts')
      .values(rows.slice(from, from + 500))
      .execute()
  return copies.map((copy) => copy.code)
}
