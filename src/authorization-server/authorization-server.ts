// Owns the room's one way in: the authorization server as a whole, ready to be mounted.

import type { KeyObject } from 'node:crypto'
import type { FastifyInstance, FastifyReply, onRequestAsyncHookHandler } from 'fastify'
import type { OutboundFetch } from '../http/outbound.ts'
import type { Audit } from '../ops/audit.ts'
import * as artifactEnds from '../storage/artifact-ends.ts'
import type { Database } from '../storage/database.ts'
import { destroyGrant } from './adapter.ts'
import { createClientUses } from './client-uses.ts'
import { clientRules } from './clients.ts'
import { type ConnectedApps, createConnectedApps } from './connected-apps.ts'
import type { DeviceOutcome } from './device-flow.ts'
import { createDevices, type Devices } from './devices.ts'
import type { ErrorForPerson } from './error-page.ts'
import { createTrustedIssuers, type TrustedIssuer } from './grants/trusted-issuers.ts'
import { createInitialAccess } from './initial-access.ts'
import { createInteractions, type Interactions } from './interactions.ts'
import { openSigningKeys, type SigningKeysNeeds } from './key-rotation.ts'
import { createLogout, type Logout } from './logout.ts'
import { mountDeviceAuthorization, mountProvider } from './mount.ts'
import { createSignStatement, type SignStatement } from './own-statements.ts'
import { landingOf, SIGNED_IN_PATH, signInPath } from './pages-client.ts'
import { createProvider, type ProviderNeeds } from './provider.ts'
import { recordEvents } from './provider-events.ts'
import { mountRegistration } from './registration.ts'
import { createRegistrations, type RegistrationsNeeds } from './registrations.ts'
import type { RevocationList } from './revocation-list.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { createStepUps } from './step-up.ts'

export interface AuthorizationServerNeeds
  extends Omit<
      ProviderNeeds,
      | 'keys'
      | 'findKey'
      | 'isRevoked'
      | 'trustedIssuers'
      | 'onUserCreated'
      | 'answersChallenge'
      | 'startsOver'
      | 'registrations'
      | 'initialAccess'
    >,
    Pick<RegistrationsNeeds, 'mostUnused' | 'onEvicted'>,
    SigningKeysNeeds {
  readonly db: Database
  /** Open registration beside those in the database, when `registration` is `token`. */
  readonly initialAccessTokens: readonly string[]
  /** How long a registered client is kept after its last use. */
  readonly clientUnusedTtlSeconds: number
  readonly audit: Audit
  readonly revocations: Pick<RevocationList, 'isRevoked' | 'note'>
  readonly logError: (error: Error, message: string) => void
  /** Identity providers whose assertions stand for a person's consent. */
  readonly trustedIssuers: readonly TrustedIssuer[]
  /** Fetches what the operator configured: the keys of those identity providers. */
  readonly configuredFetch: OutboundFetch
}

export interface MountNeeds {
  readonly showError: (reply: FastifyReply, error: ErrorForPerson, status: number) => Promise<FastifyReply>
  /** Throws when an address has begun too often lately to connect apps. */
  readonly throttleAuthorization: onRequestAsyncHookHandler
  /** Throws when an address has registered too many clients lately. */
  readonly throttleRegistration: onRequestAsyncHookHandler
  /** Throws when an address has failed too often lately to prove something; see `onFailure`. */
  readonly refuseFailing: onRequestAsyncHookHandler
  readonly showDevice: (reply: FastifyReply, outcome: DeviceOutcome) => Promise<FastifyReply>
  /** Throws when an address has asked for too many device codes lately. */
  readonly throttleDevices: onRequestAsyncHookHandler
}

/** What a resource server needs to know to verify our tokens. */
export interface VerificationKey {
  readonly alg: string
  readonly key: KeyObject
}

export interface AuthorizationServer {
  readonly interactions: Interactions
  readonly devices: Devices
  readonly sessions: Sessions
  readonly connectedApps: ConnectedApps
  readonly logout: Logout
  /** The path at which signing in to our own pages begins; `landing` is the page of ours at which it ends. */
  startSignIn(landing?: string): string
  findKey(kid: string): VerificationKey | null
  /** By the key that signs at the moment, which is at `/jwks`. */
  readonly sign: SignStatement
  /** Follows what was done to the signing keys elsewhere, and rotates them when it is time. To be called every few seconds. */
  reloadKeys(): Promise<void>
  /** The gateway has just told a client of this grant that it needs more scope. */
  challenged(grantId: string): void
  mount(app: FastifyInstance, needs: MountNeeds): void
  /** Writes what is gathered in memory: which clients were used. */
  flush(): Promise<void>
}

export async function createAuthorizationServer(
  needs: AuthorizationServerNeeds,
): Promise<AuthorizationServer> {
  const { audit, issuer, keyring, resources, transactions } = needs
  const keys = await openSigningKeys(needs)
  const stepUps = createStepUps()
  const findKey = (kid: string) => {
    const found = keys.find(kid)
    return found && { alg: found.alg, key: found.publicKey }
  }
  const trustedIssuers = createTrustedIssuers(needs.trustedIssuers, needs.configuredFetch)
  const [pseudonymKey = Buffer.alloc(0)] = keyring.derive('registrations', 32)
  const rules = clientRules({ ...needs, trustedIssuers })
  const registrations = createRegistrations({ ...needs, rules, pseudonymKey })
  const initialAccess =
    needs.registration === 'token' ? createInitialAccess(transactions, needs.initialAccessTokens) : null
  const clientUses = createClientUses(transactions, needs.clientUnusedTtlSeconds)
  const onUserCreated = (userId: string, by: string) => audit.userCreated({ userId, by })
  // oidc-provider takes its keys once. Another instance is a matter of milliseconds, and all that lasts is in storage or
  // out here, so whatever began at one may end at the next.
  const assemble = () => {
    const assembled = createProvider({
      ...needs,
      keys: keys.published(),
      findKey,
      isRevoked: needs.revocations.isRevoked,
      trustedIssuers,
      onUserCreated,
      answersChallenge: stepUps.answers,
      startsOver: stepUps.startsOver,
      registrations,
      initialAccess,
    })
    recordEvents(assembled, needs)
    assembled.on('grant.success', ({ oidc }) => oidc.client && clientUses.note(oidc.client.clientId))
    assembled.on('grant.revoked', (_ctx, grantId) => needs.revocations.note(grantId))
    return assembled
  }
  let current = assemble()
  const revokeGrant = async (grantId: string) => {
    await transactions.run(async () => {
      await destroyGrant(transactions.current(), grantId)
      await artifactEnds.revokeByGrant(transactions.current(), grantId)
    })
    needs.revocations.note(grantId)
  }
  const provider = () => current
  const shared = { provider, issuer, transactions, keyring, resources, audit }

  return {
    interactions: createInteractions({ ...shared, clientUses }),
    devices: createDevices(shared),
    sessions: createSessions({ ...needs, provider }),
    connectedApps: createConnectedApps({ ...shared, revokeGrant }),
    logout: createLogout(provider),
    startSignIn: (landing) => signInPath(issuer, landing),
    findKey,
    sign: createSignStatement(keys),
    challenged: stepUps.challenged,
    flush: clientUses.flush,
    async reloadKeys() {
      if (await keys.reload()) current = assemble()
    },
    mount(app, { showError, showDevice, ...throttles }) {
      const options = { provider, issuer, showError, showDevice }
      const { refuseFailing } = throttles
      mountProvider(app, { ...options, throttle: throttles.throttleAuthorization, refuseFailing })
      mountDeviceAuthorization(app, { ...options, throttle: throttles.throttleDevices })
      mountRegistration(app, {
        ...options,
        throttle: throttles.throttleRegistration,
        refuseFailing,
        onFailure: needs.onFailure,
        initialAccess,
        registrations,
        mode: needs.registration,
      })
      // The code in the query is nobody's; the session it came with is what the person wanted.
      app.get(SIGNED_IN_PATH, (request, reply) => reply.redirect(landingOf(request.query), 303))
    },
  }
}
