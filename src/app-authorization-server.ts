// Owns how the authorization server is put together, and how often strangers may ask it for clients and device codes.

import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify'
import { heldTools } from './app-consent.ts'
import { countersOf, type Foundation, type Overrides } from './app-foundation.ts'
import { resourcesOf } from './app-upstreams.ts'
import {
  type AuthorizationServer,
  createAuthorizationServer,
} from './authorization-server/authorization-server.ts'
import { POLL_WINDOW_SECONDS } from './authorization-server/device-flow.ts'
import type { ErrorForPerson } from './authorization-server/error-page.ts'
import { AUTHORIZATION_CODE_TTL_SECONDS } from './authorization-server/lifetimes.ts'
import { decideConsent } from './consent/decision.ts'
import { outcomePage } from './consent/device-view.ts'
import { createConfiguredFetch } from './http/configured-fetch.ts'
import { EXPIRED_SIGN_IN } from './http/expired.ts'
import { createOutboundFetch } from './http/outbound.ts'
import { throttleByAddress } from './http/throttle.ts'
import type { ErrorView } from './http/view-data.ts'
import type { Rate } from './oauth/allowance.ts'
import { groupsOf } from './oauth/policy.ts'
import type { OpenDatabase } from './storage/database.ts'
import { isOutage } from './storage/outage.ts'
import { createTransactions } from './storage/transactions.ts'

/** A device asks for one code at a time; an office full of them has one address. */
const DEVICE_CODES_PER_WINDOW = 60
const DEVICE_CODE_WINDOW_SECONDS = 60

export async function addAuthorizationServer(
  app: FastifyInstance,
  {
    config,
    logger,
    audit,
    storage,
    keyring,
    registry,
    policy,
    pages,
    catalogue,
    revocations,
    failures,
  }: Foundation,
  { outboundFetch = createOutboundFetch({ ownOrigin: config.publicUrl }), registrationLimits }: Overrides,
): Promise<AuthorizationServer> {
  const server = await createAuthorizationServer({
    issuer: config.publicUrl,
    db: storage.db,
    transactions: createTransactions(storage.db),
    keyring,
    audit,
    revocations,
    isOutage,
    decideConsent,
    hasHeldTools: heldTools({ registry, catalogue, policy, storage }),
    outboundFetch,
    onForeignRedirects: (clientId, hosts) =>
      logger.info({ clientId, hosts }, 'a client sends its codes to another site than its document is from'),
    resources: resourcesOf(registry),
    groupsOf: (member) => groupsOf(policy.current(), member),
    trustedIssuers: config.trustedIssuers,
    configuredFetch: createConfiguredFetch(),
    registration: config.registration,
    initialAccessTokens: config.initialAccessTokens,
    allowedRedirectHosts: config.allowedRedirectHosts,
    allowedClientDomains: config.allowedClientDomains,
    clientUnusedTtlSeconds: config.clientUnusedTtlSeconds,
    ...(registrationLimits?.unused !== undefined && { mostUnused: registrationLimits.unused }),
    onEvicted: (count) =>
      logger.warn({ count }, 'there were too many registrations that nobody used; the oldest were removed'),
    accessTokenTtlSeconds: config.accessTokenTtlSeconds,
    refreshTokenTtlSeconds: config.refreshTokenTtlSeconds,
    signingKeyRotationSeconds: config.signingKeyRotationSeconds,
    sessionIdleSeconds: config.sessionIdleSeconds,
    sessionMaxSeconds: config.sessionMaxSeconds,
    devicePolls: countersOf(storage)('device-polls', POLL_WINDOW_SECONDS),
    onFailure: failures.failed,
    verifierGuesses: countersOf(storage)('verifier-guesses', AUTHORIZATION_CODE_TTL_SECONDS),
    logError: (err, message) => logger.error({ err }, message),
  })
  server.mount(app, {
    refuseFailing: failures.refuse,
    throttleAuthorization: throttled(storage, 'authorization', config.perAddress.authorize, {
      description: 'Too many apps were connected from your address lately. Try again later.',
    }),
    throttleRegistration: throttled(storage, 'registration', config.perAddress.register, {
      description: 'Too many clients were registered from your address lately. Try again later.',
    }),
    throttleDevices: throttleByAddress({
      counters: countersOf(storage)('device-codes', DEVICE_CODE_WINDOW_SECONDS),
      limit: DEVICE_CODES_PER_WINDOW,
      description: 'Too many codes were asked for from your address lately. Try again later.',
    }),
    showDevice: (reply, outcome) => {
      const { view, status } = outcomePage(outcome)
      return pages.render(reply, 'message', view, { status })
    },
    showError: (reply, error, status) =>
      pages.render(reply, 'error', authorizationErrorView(error), { status }),
  })
  return server
}

/** On all replicas together. */
function throttled(
  storage: OpenDatabase,
  name: string,
  rate: Rate | null,
  { description }: { readonly description: string },
): onRequestAsyncHookHandler {
  if (rate === null) return async () => undefined
  return throttleByAddress({
    counters: countersOf(storage)(name, rate.seconds),
    limit: rate.times,
    description,
  })
}

function authorizationErrorView({ error, description, unfetched, expired }: ErrorForPerson): ErrorView {
  if (expired) return EXPIRED_SIGN_IN
  const page = { title: 'The app could not be connected', link: null, requestId: null }
  if (unfetched)
    return {
      ...page,
      message: 'Gatehouse could not fetch the document that says who this app is.',
      advice:
        'Go back to the app and connect again in a minute. If it keeps failing, tell whoever runs Gatehouse: its log has the reason, and how it can do without such documents is in docs/clients.md.',
      code: description === undefined ? error : `${error}: ${description}`,
    }
  // An app keeps its registration for longer than we may: connecting again presents the same one.
  if (error === 'invalid_client')
    return {
      ...page,
      message: 'Gatehouse does not know this app, or does not know it any more.',
      advice:
        'Remove this server in the app and add it again, so that the app registers anew. If it keeps failing, tell its makers the code below.',
      code: description === undefined ? error : `${error}: ${description}`,
    }
  return {
    ...page,
    message: description ?? 'Its request cannot be answered.',
    advice: 'Go back to the app and connect again. If it keeps failing, tell its makers the code below.',
    code: error,
  }
}
