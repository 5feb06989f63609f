// Owns the configuration of oidc-provider: strict OAuth 2.1 that the clients of the field can still connect to.

import { type Configuration, Provider } from 'oidc-provider'
import type { Keyring } from '../storage/sealing.ts'
import type { Transactions } from '../storage/transactions.ts'
import { createFindAccount } from './accounts.ts'
import { createAdapterFactory } from './adapter.ts'
import { matchesSecret } from './client-adapter.ts'
import { CLIENT_AUTHENTICATION } from './client-metadata-members.ts'
import { type ClientPolicy, clientConfiguration } from './clients.ts'
import { createGrantLoader, type GrantNeeds, IDENTITY_SCOPES } from './consent-grant.ts'
import { cookies } from './cookies.ts'
import { defaultScope } from './default-scope.ts'
import { leaveToPages } from './error-page.ts'
import { createInteractionPolicy } from './interaction-policy.ts'
import { type Lifetimes, ttl } from './lifetimes.ts'
import { pagesClient } from './pages-client.ts'
import { createRefreshRotation } from './refresh-rotation.ts'
import { type Resources, resourceIndicators } from './resources.ts'
import { SIGNING_ALGORITHM, type SigningKey } from './signing-keys.ts'
import { answerOutages, commitTokenRequests, type OutageAnswer } from './token-transaction.ts'

export interface ProviderNeeds
  extends ClientPolicy,
    Lifetimes,
    OutageAnswer,
    Pick<GrantNeeds, 'decideConsent'> {
  /** PUBLIC_URL, which is the issuer. */
  readonly issuer: string
  readonly transactions: Transactions
  readonly keyring: Keyring
  readonly keys: readonly SigningKey[]
  readonly resources: Resources
}

export function createProvider(needs: ProviderNeeds): Provider {
  const { issuer, transactions, keyring, resources } = needs
  const rotation = createRefreshRotation()
  const provider = new Provider(issuer, {
    adapter: createAdapterFactory({ transactions, keyring, rotation }),
    ...clientConfiguration(needs),
    ...protocol(needs),
    clients: [pagesClient(issuer)],
    cookies: cookies(issuer, keyring),
    findAccount: createFindAccount(transactions),
    loadExistingGrant: createGrantLoader({ transactions, resources, decideConsent: needs.decideConsent }),
    interactions: {
      policy: createInteractionPolicy(),
      url: (_ctx, { prompt, uid }) => (prompt.name === 'consent' ? `/consent/${uid}` : `/login/${uid}`),
    },
    renderError: leaveToPages,
  })

  rotation.attach(provider)
  provider.Client.prototype.compareClientSecret = function compareClientSecret(presented: string) {
    return matchesSecret(this.clientSecret, presented)
  }
  answerOutages(provider, needs)
  commitTokenRequests(provider, transactions)
  defaultScope(provider, resources)
  return provider
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
    },
    responseTypes: ['code'],
    // No `offline_access`: clients that see it force consent, and refresh tokens here do not depend on it.
    scopes: ['openid'],
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    discovery: { scopes_supported: [...IDENTITY_SCOPES, ...needs.resources.scopes()] },
    pkce: { required: () => true },
    enabledJWA: { idTokenSigningAlgValues: [SIGNING_ALGORITHM] },
    clientAuthMethods: [...CLIENT_AUTHENTICATION],
    ttl: ttl(needs),
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    // Refresh tokens outlive the browser session they began in.
    expiresWithSession: async () => false,
    formats: {
      customizers: {
        // RFC 9068, and the grant: revoking it must reach tokens that nothing stores.
        jwt: (_ctx, token, jwt) => {
          if ('grantId' in token) jwt.payload.gid = token.grantId
        },
      },
    },
    clientBasedCORS: (_ctx, origin, client) =>
      (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin),
    features: {
      ...clientConfiguration(needs).features,
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: resourceIndicators(needs.resources, needs.accessTokenTtlSeconds),
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: true },
    },
  }
}
