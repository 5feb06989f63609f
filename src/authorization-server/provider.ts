// Owns the configuration of oidc-provider: strict OAuth 2.1 that the clients of the field can still connect to.

import { type Configuration, Provider } from 'oidc-provider'
import { PROOF_ALGORITHMS } from '../http/dpop-proof.ts'
import type { Counters } from '../http/throttle.ts'
import type { Member } from '../oauth/policy.ts'
import { IDENTITY_SCOPES } from '../oauth/scope.ts'
import * as artifacts from '../storage/artifacts.ts'
import * as clients from '../storage/clients.ts'
import type { Keyring } from '../storage/sealing.ts'
import type { Transactions } from '../storage/transactions.ts'
import { claimsBesides } from './access-token-claims.ts'
import { createFindAccount, createGroupsAt, createIsEnabled } from './accounts.ts'
import { createAdapterFactory } from './adapter.ts'
import { matchesSecret } from './client-adapter.ts'
import { requireOneAudience } from './client-assertion.ts'
import { CLIENT_AUTHENTICATION } from './client-metadata-members.ts'
import { type ClientPolicy, clientConfiguration } from './clients.ts'
import { createCodeRace } from './code-race.ts'
import { createGrantLoader, type GrantNeeds } from './consent-grant.ts'
import { cookies } from './cookies.ts'
import { takeCorruptClientsForUnknown } from './corrupt-clients.ts'
import { DEVICE_AUTHORIZATION_PATH, DEVICE_PATH, deviceFlow, paceDevices } from './device-flow.ts'
import { leaveToPages } from './error-page.ts'
import { watchFailures } from './failures.ts'
import { letFormsBePosted } from './form-post.ts'
import { refuseForbiddenGrants } from './grants/allowed.ts'
import { ID_JAG_PROFILE, type JwtBearerNeeds, registerJwtBearer } from './grants/jwt-bearer.ts'
import { registerTokenExchange } from './grants/token-exchange.ts'
import type { InitialAccess } from './initial-access.ts'
import { createInteractionPolicy } from './interaction-policy.ts'
import { INTROSPECTION_PATH, introspectAccessTokens, introspection } from './introspection.ts'
import { SIGNING_ALGORITHMS } from './key-schedule.ts'
import { letKeySetBeCached } from './key-set.ts'
import { type Lifetimes, ttl } from './lifetimes.ts'
import { LOGOUT_PATH } from './logout.ts'
import { createLookups } from './lookups.ts'
import { createOwnAccessTokens, type OwnAccessTokenNeeds } from './own-access-tokens.ts'
import { pagesClient } from './pages-client.ts'
import { createRefreshRotation } from './refresh-rotation.ts'
import type { Registrations } from './registrations.ts'
import { type Resources, resourceIndicators } from './resources.ts'
import { REVOCATION_PATH, revocation, revokeAccessTokens } from './revocation.ts'
import { tellScopes } from './scopes-supported.ts'
import type { SigningKey } from './signing-keys.ts'
import { createSpending, getsRefreshToken } from './spending.ts'
import type { StepUps } from './step-up.ts'
import { answerOutages, commitTokenRequests, type OutageAnswer } from './token-transaction.ts'
import { letUnfetchedComeBack } from './unfetched-clients.ts'
import { tellUnnamedClients } from './unnamed-clients.ts'
import { limitVerifierGuesses } from './verifier-guesses.ts'

type Customizer = NonNullable<NonNullable<NonNullable<Configuration['formats']>['customizers']>['jwt']>

export interface ProviderNeeds
  extends ClientPolicy,
    Lifetimes,
    OutageAnswer,
    Pick<GrantNeeds, 'decideConsent' | 'hasHeldTools' | 'startsOver'>,
    Pick<OwnAccessTokenNeeds, 'findKey' | 'isRevoked'>,
    Pick<JwtBearerNeeds, 'onUserCreated'> {
  /** PUBLIC_URL, which is the issuer. */
  readonly issuer: string
  readonly transactions: Transactions
  readonly keyring: Keyring
  /** Of each algorithm, the first one signs; all are published. */
  readonly keys: readonly SigningKey[]
  readonly resources: Resources
  /** What the operator's policy may speak of, of a person. */
  readonly groupsOf: (member: Member) => readonly string[]
  readonly registrations: Registrations
  /** Null: anybody may register, or nobody. */
  readonly initialAccess: InitialAccess | null
  readonly answersChallenge: StepUps['answers']
  /** Counts the requests of a device that waits; see POLL_WINDOW_SECONDS. */
  readonly devicePolls: Counters
  /** Told the address of whoever presented something to `/token`, and the like, that is wrong. */
  readonly onFailure: (address: string) => void
  /** For the log. */
  readonly logError: (error: Error, message: string) => void
  /** Counts wrong verifiers for each code; for as long as a code lives. */
  readonly verifierGuesses: Counters
}

export function createProvider(needs: ProviderNeeds): Provider {
  const { issuer, transactions, keyring, registrations } = needs
  const codeRace = createCodeRace()
  const lookups = createLookups(transactions, codeRace)
  const spending = createSpending(transactions)
  const rotation = createRefreshRotation({
    spending,
    readAgain: (model, idHash) => artifacts.find(transactions.current(), model, idHash),
    answersChallenge: needs.answersChallenge,
  })
  const groupsAt = createGroupsAt(lookups, needs.groupsOf)
  const addClaims: Customizer = async (ctx, token, jwt) => {
    Object.assign(jwt.payload, await claimsBesides(ctx, token, (userId) => groupsAt(ctx, userId)))
  }
  const provider = new Provider(issuer, {
    adapter: createAdapterFactory({
      transactions,
      keyring,
      lookups,
      spending,
      rotation,
      codeRace,
      registrations,
    }),
    ...clientConfiguration(needs, registrations),
    ...protocol(needs),
    formats: { customizers: { jwt: addClaims } },
    clients: [pagesClient(issuer)],
    cookies: cookies(issuer, keyring),
    findAccount: createFindAccount(lookups),
    loadExistingGrant: createGrantLoader(needs),
    interactions: {
      policy: createInteractionPolicy(),
      url: (_ctx, { prompt, uid }) => (prompt.name === 'consent' ? `/consent/${uid}` : `/login/${uid}`),
    },
    renderError: leaveToPages,
  })

  codeRace.attach(provider)
  watchFailures(provider, needs.onFailure)
  rotation.attach(provider)
  provider.Client.prototype.compareClientSecret = function compareClientSecret(presented: string) {
    return matchesSecret(this.clientSecret, presented)
  }
  takeCorruptClientsForUnknown(provider, {
    isStored: async (id) => (await clients.find(transactions.current(), id)) !== null,
    logError: needs.logError,
  })
  answerOutages(provider, needs)
  letUnfetchedComeBack(provider)
  paceDevices(provider, needs.devicePolls)
  limitVerifierGuesses(provider, needs.verifierGuesses)
  commitTokenRequests(provider, transactions, spending)
  needs.initialAccess?.attach(provider)
  addGrants(provider, needs)
  letKeySetBeCached(provider)
  letFormsBePosted(provider)
  tellUnnamedClients(provider)
  tellScopes(provider, needs.resources, IDENTITY_SCOPES)
  return provider
}

/** What oidc-provider lacks: the grants, and the endpoints as far as tokens are concerned that nothing stores. */
function addGrants(provider: Provider, needs: ProviderNeeds): void {
  refuseForbiddenGrants(provider)
  const isEnabled = createIsEnabled(needs.transactions)
  const tokens = createOwnAccessTokens(provider, { ...needs, isEnabled })
  registerTokenExchange(provider, { ...needs, tokens })
  if (needs.trustedIssuers.any) registerJwtBearer(provider, needs)
  introspectAccessTokens(provider, { ...needs, tokens })
  revokeAccessTokens(provider, tokens)
}

function protocol(needs: ProviderNeeds): Configuration {
  return {
    jwks: { keys: needs.keys.map(({ kid, alg, privateJwk }) => ({ ...privateJwk, kid, alg, use: 'sig' })) },
    routes: {
      authorization: '/authorize',
      token: '/token',
      registration: '/register',
      jwks: '/jwks',
      userinfo: '/userinfo',
      pushed_authorization_request: '/par',
      introspection: INTROSPECTION_PATH,
      revocation: REVOCATION_PATH,
      device_authorization: DEVICE_AUTHORIZATION_PATH,
      code_verification: DEVICE_PATH,
      end_session: LOGOUT_PATH,
    },
    responseTypes: ['code'],
    // No `offline_access`: clients that see it force consent, and refresh tokens here do not depend on it.
    scopes: ['openid'],
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    discovery: {
      ...(needs.trustedIssuers.any && { authorization_grant_profiles_supported: [ID_JAG_PROFILE] }),
    },
    pkce: { required: () => true },
    assertJwtClientAuthClaimsAndHeader: requireOneAudience,
    enabledJWA: {
      idTokenSigningAlgValues: [...SIGNING_ALGORITHMS],
      clientAuthSigningAlgValues: ['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519'],
      dPoPSigningAlgValues: PROOF_ALGORITHMS,
    },
    clientAuthMethods: [...CLIENT_AUTHENTICATION],
    ttl: ttl(needs),
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client) => getsRefreshToken(client),
    // Refresh tokens outlive the browser session they began in.
    expiresWithSession: async () => false,
    clientBasedCORS: (_ctx, origin, client) =>
      (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin),
    features: {
      ...clientConfiguration(needs, needs.registrations).features,
      devInteractions: { enabled: false },
      deviceFlow,
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      introspection: introspection(needs.resources),
      pushedAuthorizationRequests: { enabled: true },
      revocation: revocation(),
      resourceIndicators: resourceIndicators(needs.resources, needs.accessTokenTtlSeconds),
      // For discovery and registered post_logout_redirect_uris; the endpoint itself is ours (see logout.ts).
      rpInitiatedLogout: { enabled: true },
      userinfo: { enabled: true },
    },
  }
}
