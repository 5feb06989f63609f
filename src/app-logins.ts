// Owns how the parts that log in at upstreams are put together: connections, what they present, and the links that lead to them.

import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import type { Config } from './config/config.ts'
import { createGuardedFetch, type GuardedFetch } from './http/guarded-fetch.ts'
import type { Caller } from './oauth/caller.ts'
import { groupsOf } from './oauth/policy.ts'
import type { StandingPolicy } from './oauth/standing-policy.ts'
import type { Audit } from './ops/audit.ts'
import type { Logger } from './ops/logger.ts'
import * as administrators from './storage/administrators.ts'
import type { Database, OpenDatabase } from './storage/database.ts'
import type { Keyring } from './storage/sealing.ts'
import * as registrations from './storage/upstream-registrations.ts'
import * as users from './storage/users.ts'
import { createAskedFor } from './upstreams/connections/asked-for.ts'
import { type Connecting, createConnecting } from './upstreams/connections/asking.ts'
import { isShared, wantsLogin } from './upstreams/connections/binding.ts'
import { createConnections } from './upstreams/connections/connections.ts'
import {
  type ConnectionCredentials,
  createConnectionCredentials,
} from './upstreams/connections/credentials.ts'
import { createKnownConnections } from './upstreams/connections/known.ts'
import { createPastedSubjects } from './upstreams/connections/pasted-subject.ts'
import {
  CALLBACK_PATH,
  type Connections,
  type ConnectLink,
  connectPath,
} from './upstreams/connections/port.ts'
import { createRenewal } from './upstreams/connections/renewal.ts'
import type { WhoConnects } from './upstreams/connections/who-connects.ts'
import { createIdentityCredentials } from './upstreams/identity/credentials.ts'
import type { PersonOf, Sign } from './upstreams/identity/person.ts'
import { createStates } from './upstreams/legacy/request-state.ts'
import { isConfigured } from './upstreams/named-origins.ts'
import { createProofs } from './upstreams/oauth/proofs.ts'
import { CLIENT_DOCUMENT_PATH, clientMetadata } from './upstreams/oauth/registration.ts'
import type { Registry, Upstream } from './upstreams/registry.ts'

export interface UpstreamLogins extends ConnectionCredentials {
  /** How a caller is asked to log in. */
  readonly connecting: Connecting
  readonly connections: Connections
  /** What is in a link that a caller was asked with; null when it is none of ours, or of another upstream. */
  readLink(handle: string, upstream: string): ConnectLink | null
  /** Writes which connections were used. */
  flush(): Promise<void>
}

export interface UpstreamLoginNeeds {
  readonly config: Config
  readonly logger: Logger
  readonly audit: Audit
  readonly storage: OpenDatabase
  readonly keyring: Keyring
  readonly registry: Registry
  readonly policy: StandingPolicy
  /** Of the authorization server: what upstreams are told about a person. */
  readonly sign: Sign
  /** Instead of the guarded one; for tests. */
  readonly fetch?: GuardedFetch | undefined
  /** The same. */
  readonly leaseSeconds?: number | undefined
}

const HANDLE_PURPOSE = 'connect-link'
/** Whose it is, and what their login lacks. */
const link = z
  .tuple([z.string(), z.string().nullable()])
  .transform(([userId, scope]): ConnectLink => ({ userId, scope }))
const STATE_PURPOSE = 'connect-state'
/** A login over there may take its time. */
const STATE_TTL_MS = 15 * 60 * 1000

export function createUpstreamLogins(needs: UpstreamLoginNeeds): UpstreamLogins {
  const { config, logger, audit, storage, keyring, registry, leaseSeconds, sign } = needs
  const { db } = storage
  const { publicUrl } = config
  const fetch = needs.fetch ?? createGuardedFetch({ isConfigured: isConfigured(registry) })
  const known = createKnownConnections(db, keyring)
  const proofs = createProofs()
  const reach = { fetch, proofs }
  const renewal = createRenewal({ db, keyring, leaseSeconds, onOutcome: audit.upstreamRenewed })
  const upstreams = () => registry.upstreams()
  const sealer = {
    seal: (text: string, aad: string) => keyring.seal(STATE_PURPOSE, text, aad),
    open: (sealed: string, aad: string) => keyring.open(STATE_PURPOSE, sealed, aad)?.toString() ?? null,
  }
  const report = (err: unknown, upstream: string) =>
    logger.warn({ err, upstream }, 'a login at an upstream did not work out')
  const personOf = createPersonOf(db, needs.policy)
  const others = createIdentityCredentials({
    issuer: publicUrl,
    sign,
    personOf,
    subjectTokenOf: createPastedSubjects(db, known),
    fetch,
    report,
  })
  return {
    ...createConnectionCredentials({
      ...reach,
      db,
      known,
      renewal,
      others,
      forgetClient: (id) => registrations.forget(db, id),
    }),
    connections: createConnections({ ...reach, db, keyring, publicUrl, upstreams, known, report }),
    connecting: createConnecting({
      linkFor({ subject }, upstream, scope) {
        const handle = keyring.seal(HANDLE_PURPOSE, JSON.stringify([subject, scope]), upstream)
        return `${publicUrl}${connectPath(upstream)}?for=${handle}`
      },
      whoConnects: (caller, upstream) => whoConnects(db, caller, upstream),
      askedFor: createAskedFor(known),
      states: ({ name }) => createStates({ upstream: name, sealer, ttlMs: STATE_TTL_MS, clock: Date.now }),
    }),
    readLink(handle, upstream) {
      const text = keyring.open(HANDLE_PURPOSE, handle, upstream)?.toString()
      return text === undefined ? null : (link.safeParse(JSON.parse(text)).data ?? null)
    },
    flush: known.flush,
  }
}

/** The client ID metadata document that we are known by where servers read such (MCP, "Client ID Metadata Documents"). */
export function serveClientDocument(app: FastifyInstance, publicUrl: string): void {
  const document = {
    client_id: publicUrl + CLIENT_DOCUMENT_PATH,
    ...clientMetadata(publicUrl, publicUrl + CALLBACK_PATH),
    token_endpoint_auth_method: 'none',
  }
  app.get(CLIENT_DOCUMENT_PATH, async (_, reply) =>
    reply.header('cache-control', 'public, max-age=3600').send(document),
  )
}

/** A client by itself is no account; a service account is one that cannot open a link. */
async function whoConnects(db: Database, { subject }: Caller, upstream: Upstream): Promise<WhoConnects> {
  if (wantsLogin(upstream) && isShared(upstream))
    return { kind: (await administrators.isAdministrator(db, subject)) ? 'caller' : 'administrator' }
  const user = await users.findById(db, subject)
  if (user === null) return { kind: 'nobody' }
  return user.role === 'service' ? { kind: 'operator', account: user.email } : { kind: 'caller' }
}

/** Asked when something about a person is made, which is then kept for a while: not at every call. */
function createPersonOf(db: Database, policy: StandingPolicy): PersonOf {
  return async ({ subject, clientId }) => {
    const user = await users.findById(db, subject)
    if (user === null && subject === clientId) return null
    if (user === null) throw new Error('This account is gone.')
    if (user.disabledAt !== null) throw new Error('This account is disabled.')
    // A rule that names an address has it among the groups, for ourselves alone.
    return {
      email: user.role === 'service' ? null : user.email,
      groups: groupsOf(policy.current(), user).filter((group) => !group.includes('@')),
    }
  }
}
