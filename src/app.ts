// Owns the composition: builds every part and registers every plugin, in the order in which a request meets them.

import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { SIGN_OUT_ACTION } from './account/paths.ts'
import { account } from './account/plugin.ts'
import { createUpstreamLogins, serveClientDocument, type UpstreamLogins } from './app-logins.ts'
import { mailboxOf } from './app-mailbox.ts'
import { RELOAD_ADDRESS, type Reload, startReload } from './app-reload.ts'
import {
  createCatalogue,
  endpointsOf,
  heldToolsOf,
  keyOffersOf,
  openLinks,
  resourcesOf,
  sealerOf,
  toolsForPages,
} from './app-upstreams.ts'
import { type ApiKeys, createApiKeys } from './authorization-server/api-keys.ts'
import {
  type AuthorizationServer,
  createAuthorizationServer,
} from './authorization-server/authorization-server.ts'
import { POLL_WINDOW_SECONDS } from './authorization-server/device-flow.ts'
import { createRevocationList, type RevocationList } from './authorization-server/revocation-list.ts'
import { sealedRecords } from './authorization-server/sealed-records.ts'
import type { FirstSteps } from './banner.ts'
import type { Config, Secrets } from './config/config.ts'
import { createCodeGuesses, GUESS_WINDOW_SECONDS } from './consent/code-guesses.ts'
import { decideConsent } from './consent/decision.ts'
import { devicePages } from './consent/device-plugin.ts'
import { outcomePage } from './consent/device-view.ts'
import { consent } from './consent/plugin.ts'
import { createGateway, type GatewayNeeds } from './gateway/gateway.ts'
import { gatewayPlugin } from './gateway/plugin.ts'
import { createClientAddress, type TrustProxy } from './http/client-address.ts'
import { createConfiguredFetch } from './http/configured-fetch.ts'
import { createFront, type Front } from './http/front.ts'
import type { GuardedFetch } from './http/guarded-fetch.ts'
import { health } from './http/health.ts'
import { home } from './http/home.ts'
import { createHostCheck } from './http/host.ts'
import { createOutboundFetch, type OutboundFetch } from './http/outbound.ts'
import { addPages, type Pages } from './http/pages.ts'
import { standingAnswerHeaders } from './http/security-headers.ts'
import { throttleByAddress } from './http/throttle.ts'
import { closeUnusedConnections } from './http/unused-connections.ts'
import type { ErrorView } from './http/view-data.ts'
import type { Mailbox } from './mcp/mailbox.ts'
import { groupsOf } from './oauth/policy.ts'
import { type Audit, createAudit } from './ops/audit.ts'
import { startHousekeeping } from './ops/housekeeping.ts'
import type { Logger } from './ops/logger.ts'
import { logRequests } from './ops/requests.ts'
import { startResealing } from './ops/resealing.ts'
import { createSignIn } from './sign-in/authenticate.ts'
import { createChangePassword } from './sign-in/change-password.ts'
import { createKnownBrowsers } from './sign-in/known-browser.ts'
import { PASSWORD_MIN_LENGTH } from './sign-in/new-password.ts'
import { createPasswords, type PasswordCost } from './sign-in/password.ts'
import { signInPlugin } from './sign-in/plugin.ts'
import { type Prepared, prepareSetup } from './sign-in/prepare-setup.ts'
import { createPseudonym } from './sign-in/pseudonym.ts'
import { createSetup } from './sign-in/setup.ts'
import { createThrottle } from './sign-in/throttle.ts'
import { type OpenCounters, openInMemory, openInPostgres } from './sign-in/throttle-store.ts'
import * as apiKeys from './storage/api-keys.ts'
import * as artifacts from './storage/artifacts.ts'
import * as bridgeSessions from './storage/bridge-sessions.ts'
import * as clients from './storage/clients.ts'
import { type OpenDatabase, openDatabase, ping } from './storage/database.ts'
import { hashToken } from './storage/hash.ts'
import { deleteExpired as deleteExpiredMail } from './storage/mail.ts'
import { migrateToLatest } from './storage/migrate.ts'
import { isOutage } from './storage/outage.ts'
import { deleteExpired as deleteExpiredRevocations } from './storage/revocations.ts'
import { createKeyring, type Keyring } from './storage/sealing.ts'
import * as throttles from './storage/throttles.ts'
import { createTransactions } from './storage/transactions.ts'
import * as upstreamLogins from './storage/upstream-logins.ts'
import * as users from './storage/users.ts'
import { connectingLinks } from './upstreams/connections/connecting-links.ts'
import { guardLinks } from './upstreams/guarded-links.ts'
import { createGuards } from './upstreams/guards.ts'
import type { OpenLinks } from './upstreams/links.ts'
import { createRegistry, type Registry, type UpstreamSettings } from './upstreams/registry.ts'
import type { ToolCatalogue } from './upstreams/tools.ts'

export interface Overrides {
  readonly logger: Logger
  /** Opened, and later closed, by the caller. */
  readonly storage?: OpenDatabase
  /** Cheaper passwords, for tests. */
  readonly passwordCost?: PasswordCost
  /** What fetches documents that strangers name; tests let it reach a server of theirs. */
  readonly outboundFetch?: OutboundFetch
  /** What logs in at upstreams; the same. */
  readonly upstreamFetch?: GuardedFetch
  /** How often the signing keys are read again; tests wait for it. */
  readonly signingKeyPollMs?: number
  /** The configuration as it is written now. Without it the upstreams stay as they were at the start. */
  readonly readConfig?: () => Config
  /** How often the files of the upstreams are looked at; tests wait for it. */
  readonly filePollMs?: number
  /** Smaller ones, for tests. */
  readonly registrationLimits?: { readonly perAddress?: number; readonly unused?: number }
}

export interface Gatehouse {
  /** Ready to listen. Closing it drains the gateway, then closes everything that was opened here. */
  readonly app: FastifyInstance
  readonly firstSteps: FirstSteps
  /** Reads the upstreams again; null when there is nothing to read them from. */
  readonly reload: Reload | null
}

/** Receiving a request takes longer than this only for who means to keep us waiting. Answers may take as long as they like. */
const REQUEST_TIMEOUT_MS = 60_000
/** Longer than the load balancers in front keep theirs, so that none of them reuses a connection that we just closed. */
const KEEP_ALIVE_MS = 75_000
/** Hosted clients register anew for every person that connects, all from a few addresses. */
const REGISTRATIONS_PER_WINDOW = 60
const REGISTRATION_WINDOW_SECONDS = 60
/** A device asks for one code at a time; an office full of them has one address. */
const DEVICE_CODES_PER_WINDOW = 60
const DEVICE_CODE_WINDOW_SECONDS = 60
const EXPIRED_BATCH = 1000
/** Within this time every replica follows a rotation. A new key is published an hour before it signs, so nothing waits for it. */
const SIGNING_KEY_POLL_MS = 10_000

export async function buildApp(config: Config, secrets: Secrets, overrides: Overrides): Promise<Gatehouse> {
  const { logger } = overrides
  const loggerInstance: FastifyBaseLogger = logger
  const front = createFront(createHostCheck(config.publicUrl))
  const app: FastifyInstance = Fastify({
    loggerInstance,
    serverFactory: front.serverFactory,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    trustProxy: trustProxyOf(config),
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { maxHeaderSize: config.maxHeaderBytes },
    keepAliveTimeout: KEEP_ALIVE_MS,
    // A path that cannot be decoded: refused before any hook, so without a word about the path.
    frameworkErrors: (_error, _request, { raw }) => {
      raw.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_request"}')
    },
  })
  try {
    return { app, ...(await compose(app, front, config, secrets, overrides)) }
  } catch (error) {
    await app.close()
    throw error
  }
}

/** What every part is built from. */
interface Foundation {
  readonly config: Config
  readonly logger: Logger
  readonly audit: Audit
  readonly storage: OpenDatabase
  readonly keyring: Keyring
  readonly registry: Registry
  readonly pages: Pages
  readonly mailbox: Mailbox
  readonly links: OpenLinks
  readonly catalogue: ToolCatalogue
  readonly revocations: RevocationList
  readonly logins: UpstreamLogins
}

async function compose(
  app: FastifyInstance,
  front: Front,
  config: Config,
  secrets: Secrets,
  overrides: Overrides,
): Promise<Omit<Gatehouse, 'app'>> {
  const { logger } = overrides
  const storage = overrides.storage ?? (await openStorage(app, config, logger))
  await migrate(storage, logger)
  const upstreams = config.upstreams.length > 0 ? config.upstreams : [await startDemo(app)]
  const registry = createRegistry(upstreams, config.publicUrl)
  const keyring = createKeyring(secrets.secretKeys)
  const audit = createAudit(logger)

  closeUnusedConnections(app)
  logRequests(app)
  const pages = await addPages(app, { publicUrl: config.publicUrl, isOutage })
  const revocations = await followRevocations(app, storage, logger)
  const upstreamFetch = overrides.upstreamFetch
  const logins = createUpstreamLogins({
    config,
    logger,
    audit,
    storage,
    keyring,
    registry,
    fetch: upstreamFetch,
  })
  serveClientDocument(app, config.publicUrl)
  const mailbox = await mailboxOf(app, storage, keyring, logger)
  const { credentialFor } = logins
  const links = openLinks({ registry, keyring, mailbox, credentialFor, logger })
  app.addHook('onClose', () => links.close())
  const catalogue = createCatalogue(storage, links, logger)
  const shared = { config, logger, audit, storage, keyring, registry }
  const foundation = { ...shared, pages, mailbox, links, catalogue, revocations, logins }
  const authorizationServer = await addAuthorizationServer(app, foundation, overrides)
  const { setup } = await addPeople(app, foundation, authorizationServer, overrides)
  const keys = createApiKeys(storage.db, (member) => groupsOf(config.policy, member))
  const { isDraining } = addGateway(app, front, foundation, authorizationServer, keys)
  await app.register(health, { checks: [() => ping(storage.db)], isDraining })
  keepHouse(app, foundation, [authorizationServer.flush, keys.flush, logins.flush])
  keepKeys(app, foundation, authorizationServer, overrides)

  const firstSteps = {
    endpoints: endpointsOf(registry),
    setupLink: setup.kind === 'link' ? setup.url : null,
    usesDemo: config.upstreams.length === 0,
  }
  return { firstSteps, reload: await followFiles(app, foundation, overrides) }
}

async function openStorage(app: FastifyInstance, config: Config, logger: Logger): Promise<OpenDatabase> {
  const storage = await openDatabase(config.database, { log: logger })
  app.addHook('onClose', () => storage.close())
  return storage
}

async function followFiles(
  app: FastifyInstance,
  { registry, logger, config, mailbox }: Foundation,
  { readConfig, filePollMs }: Overrides,
): Promise<Reload | null> {
  if (!readConfig) return null
  const poll = filePollMs === undefined ? {} : { everyMs: filePollMs }
  const reload = startReload({ registry, logger, config, readConfig, ...poll })
  app.addHook('onClose', () => reload.stop())
  const box = await mailbox.open(RELOAD_ADDRESS, () => void reload.now())
  app.addHook('onClose', async () => box.close())
  return reload
}

async function followRevocations(
  app: FastifyInstance,
  storage: OpenDatabase,
  logger: Logger,
): Promise<RevocationList> {
  const list = await createRevocationList({
    storage,
    onBlind: (err) => logger.error({ err }, 'the database does not say what was revoked: nobody passes'),
    onSighted: () => logger.info('the database says again what was revoked'),
  })
  app.addHook('onClose', () => list.close())
  return list
}

async function migrate({ db }: OpenDatabase, logger: Logger): Promise<void> {
  const applied = await migrateToLatest(db)
  if (applied.length > 0) logger.info({ applied }, 'the database was migrated')
}

/** Without any upstream of your own there is one to try things with. Loaded only then. */
async function startDemo(app: FastifyInstance): Promise<UpstreamSettings> {
  const { startDemoUpstream } = await import('./demo/server.ts')
  const demo = await startDemoUpstream()
  app.addHook('onClose', () => demo.close())
  return { name: 'demo', title: 'Demo', url: demo.url, headers: {} }
}

async function addAuthorizationServer(
  app: FastifyInstance,
  { config, logger, audit, storage, keyring, registry, pages, catalogue, revocations }: Foundation,
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
    hasHeldTools: heldToolsOf(registry, catalogue),
    outboundFetch,
    onForeignRedirects: (clientId, hosts) =>
      logger.info({ clientId, hosts }, 'a client sends its codes to another site than its document is from'),
    resources: resourcesOf(registry),
    groupsOf: (member) => groupsOf(config.policy, member),
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
    logError: (err, message) => logger.error({ err }, message),
  })
  server.mount(app, {
    throttleRegistration: throttleByAddress({
      counters: countersOf(storage)('registration', REGISTRATION_WINDOW_SECONDS),
      limit: registrationLimits?.perAddress ?? REGISTRATIONS_PER_WINDOW,
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

/** Signing in, setting up, consent, and the front page. */
async function addPeople(
  app: FastifyInstance,
  { config, logger, audit, storage, keyring, registry, pages, catalogue, logins }: Foundation,
  { interactions, sessions, devices, connectedApps, logout, startSignIn }: AuthorizationServer,
  { passwordCost }: Overrides,
): Promise<{ setup: Prepared }> {
  const { db } = storage
  const { publicUrl } = config
  const passwords = await createPasswords(passwordCost ? { passwordCost } : {})
  const emailOf = async (id: string) => (await users.findById(db, id))?.email ?? null
  const checking = {
    db,
    passwords,
    audit,
    throttle: createThrottle(countersOf(storage)),
    pseudonym: createPseudonym(firstKey(keyring, 'pseudonyms')),
  }
  const knownBrowsers = createKnownBrowsers(keyring.derive('known-browsers', 32))
  const signIn = createSignIn({ ...checking, knownBrowsers })

  await app.register(signInPlugin, {
    publicUrl,
    pages,
    interactions,
    signIn,
    startSignIn,
    setup: createSetup({ db, passwords, audit }),
  })
  await app.register(consent, {
    interactions,
    pages,
    emailOf,
    switchAccount: interactions.switchAccount,
    toolsOf: toolsForPages(registry, catalogue),
  })
  await app.register(devicePages, {
    devices,
    pages,
    audit,
    guesses: createCodeGuesses(countersOf(storage)('device-guesses', GUESS_WINDOW_SECONDS)),
  })
  await app.register(account, {
    pages,
    sessions,
    apps: connectedApps,
    keys: {
      listOf: (userId) => apiKeys.listOf(db, userId),
      create: (key) => apiKeys.create(db, key),
      revoke: (id, userId) => apiKeys.revoke(db, id, userId),
    },
    keyOffers: () => keyOffersOf(registry),
    connections: logins.connections,
    isFor: logins.isFor,
    logout,
    startSignIn,
    audit,
    changePassword: createChangePassword(checking),
    minimumPasswordLength: PASSWORD_MIN_LENGTH,
  })
  await app.register(home, {
    pages,
    publicUrl,
    endpoints: () => endpointsOf(registry),
    signInHref: () => '/login',
    signOutAction: SIGN_OUT_ACTION,
    needsSetUp: async () => (await users.countAdministrators(db)) === 0,
    signedInAs: async (request, reply) => (await sessions.current(request, reply))?.user.email ?? null,
  })
  const log = (line: string) => logger.info(line)
  return { setup: await prepareSetup({ db, passwords, audit, publicUrl, admin: config.admin, log }) }
}

function addGateway(
  app: FastifyInstance,
  front: Front,
  {
    config,
    logger,
    audit,
    storage,
    keyring,
    registry,
    catalogue,
    revocations,
    logins,
    mailbox,
    links: opened,
  }: Foundation,
  { findKey, challenged }: AuthorizationServer,
  keys: ApiKeys,
): { isDraining: () => boolean } {
  const report = (err: unknown) => logger.error({ err }, 'the gateway failed')
  const guards = createGuards({ perUpstream: config.perUpstream, clock: Date.now })
  const guarded = guardLinks(opened, guards, report)
  registry.onReplace(guarded.retire)
  const links = connectingLinks(guarded, logins)
  const gateway = createGateway({
    issuer: config.publicUrl,
    registry,
    keys: { find: findKey },
    revocations,
    apiKeys: keys,
    claimProof: storage.kind === 'postgres' ? claimProofsIn(storage) : undefined,
    credentialFor: logins.credentialFor,
    credentialRefused: logins.refused,
    links,
    policy: config.policy,
    answerCacheBytes: config.answerCacheBytes,
    guards,
    allowances: { perPerson: config.perPerson, perClient: config.perClient },
    sessions: sealerOf(keyring, 'mcp-session'),
    mailbox,
    sessionStore: {
      load: (id) => bridgeSessions.load(storage.db, id),
      change: (id, change, expiresAt) => bridgeSessions.change(storage.db, id, change, expiresAt),
    },
    toolsOf: catalogue.toolsOf,
    emailOf: async ({ subject }) => (await users.findById(storage.db, subject))?.email ?? null,
    onStepUp: challenged,
    audit: audit.call,
    report,
    allowedOrigins: config.allowedOrigins,
    answerHeaders: standingAnswerHeaders(config.publicUrl),
    addressOf: createClientAddress(trustProxyOf(config)),
    limits: { maxBodyBytes: config.maxBodyBytes, maxAnswerBytes: config.maxAnswerBytes },
  })
  let draining = false
  // Before the server closes: it waits for open streams, and these would never end by themselves.
  app.addHook('preClose', async () => {
    draining = true
    await gateway.close(config.shutdownGraceMs)
    await links.close()
  })
  app.register(gatewayPlugin, { gateway })
  front.lead('/mcp', gateway.handle)
  return { isDraining: () => draining }
}

/** `flush`: each writes what it gathered in memory since the last time. */
function keepHouse(
  app: FastifyInstance,
  { logger, storage }: Foundation,
  flush: readonly (() => Promise<void>)[],
): void {
  const { db } = storage
  const housekeeping = startHousekeeping({
    tasks: [
      { name: 'expired records', batch: EXPIRED_BATCH, run: (limit) => artifacts.deleteExpired(db, limit) },
      { name: 'expired clients', batch: EXPIRED_BATCH, run: (limit) => clients.deleteExpired(db, limit) },
      {
        name: 'expired revocations',
        batch: EXPIRED_BATCH,
        run: (limit) => deleteExpiredRevocations(db, limit),
      },
      {
        name: 'expired legacy sessions',
        batch: EXPIRED_BATCH,
        run: (limit) => bridgeSessions.deleteExpired(db, limit),
      },
      {
        name: 'expired logins at upstreams',
        batch: EXPIRED_BATCH,
        run: (limit) => upstreamLogins.deleteExpired(db, limit),
      },
      { name: 'spent API keys', batch: EXPIRED_BATCH, run: (limit) => apiKeys.deleteSpent(db, limit) },
      { name: 'last uses', batch: 1, run: () => flushAll(flush) },
      { name: 'expired mail', batch: EXPIRED_BATCH, run: (limit) => deleteExpiredMail(db, limit) },
      { name: 'expired throttles', batch: EXPIRED_BATCH, run: (limit) => throttles.deleteExpired(db, limit) },
    ],
    onError: (err, task) => logger.warn({ err, task }, 'housekeeping failed and will be tried again'),
  })
  app.addHook('onClose', async () => {
    await housekeeping.stop()
    await flushAll(flush).catch((err: unknown) => logger.warn({ err }, 'the last uses were not written'))
  })
}

async function flushAll(flush: readonly (() => Promise<void>)[]): Promise<0> {
  for (const write of flush) await write()
  return 0
}

/** The signing keys are followed; and what an older SECRET_KEY sealed is sealed again, so that it can go. */
function keepKeys(
  app: FastifyInstance,
  { logger, storage, keyring }: Foundation,
  { reloadKeys }: AuthorizationServer,
  { signingKeyPollMs = SIGNING_KEY_POLL_MS }: Overrides,
): void {
  const run = async () => {
    await reloadKeys()
    return 0
  }
  const following = startHousekeeping({
    tasks: [{ name: 'signing keys', batch: 1, run }],
    onError: (err) =>
      logger.warn({ err }, 'the signing keys could not be read again; those at hand stay in use'),
    intervalMs: signingKeyPollMs,
  })
  app.addHook('onClose', () => following.stop())
  const resealing = startResealing({
    db: storage.db,
    keyring,
    kinds: sealedRecords,
    logger,
  })
  app.addHook('onClose', () => resealing.stop())
}

/** One insert for a call whose token is bound to a key, so that no replica accepts what another has seen. */
function claimProofsIn({ db }: OpenDatabase): GatewayNeeds['claimProof'] {
  return (id, until) =>
    artifacts.claimOnce(db, 'DPoPProof', hashToken(id), Math.max(1, until - Math.floor(Date.now() / 1000)))
}

function countersOf({ pool }: OpenDatabase): OpenCounters {
  return pool ? openInPostgres(pool) : openInMemory()
}

function firstKey(keyring: Keyring, purpose: string): Buffer {
  const [first] = keyring.derive(purpose, 32)
  if (!first) throw new Error('there is no master key')
  return first
}

/** A number is how many proxies stand in front. */
function trustProxyOf({ trustProxy }: Config): TrustProxy {
  if (typeof trustProxy === 'number') return (_address, hop) => hop < trustProxy
  return typeof trustProxy === 'object' ? [...trustProxy] : trustProxy
}

function authorizationErrorView({
  error,
  description,
}: {
  error: string
  description: string | undefined
}): ErrorView {
  return {
    title: 'The app could not be connected',
    message: description ?? 'Its request cannot be answered.',
    advice: 'Go back to the app and connect again. If it keeps failing, tell its makers the code below.',
    link: null,
    code: error,
    requestId: null,
  }
}
