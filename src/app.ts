// Owns the composition: builds every part and registers every plugin, in the order in which a request meets them.

import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { addAuthorizationServer } from './app-authorization-server.ts'
import { type Foundation, type Overrides, trustProxyOf } from './app-foundation.ts'
import { addGateway } from './app-gateway.ts'
import { keepHouse, keepKeys, keepRecord } from './app-housekeeping.ts'
import { createUpstreamLogins, serveClientDocument } from './app-logins.ts'
import { mailboxOf } from './app-mailbox.ts'
import { addGauges, openMetrics } from './app-metrics.ts'
import { addOperatorApi } from './app-operators.ts'
import { addPeople } from './app-people.ts'
import { RELOAD_ADDRESS, type Reload, startReload } from './app-reload.ts'
import { createCatalogue, endpointsOf, openLinks } from './app-upstreams.ts'
import { createApiKeys } from './authorization-server/api-keys.ts'
import { createRevocationList, type RevocationList } from './authorization-server/revocation-list.ts'
import type { FirstSteps } from './banner.ts'
import type { Config, Secrets } from './config/config.ts'
import { createAnswerBudget } from './http/answer-budget.ts'
import { createFailedAttempts } from './http/failed-attempts.ts'
import { createFront, type Front } from './http/front.ts'
import { health } from './http/health.ts'
import { createHostCheck } from './http/host.ts'
import { addPages } from './http/pages.ts'
import { closeUnusedConnections } from './http/unused-connections.ts'
import { groupsOf } from './oauth/policy.ts'
import { createStandingPolicy } from './oauth/standing-policy.ts'
import { createAudit } from './ops/audit.ts'
import { type Logger, linesLost } from './ops/logger.ts'
import { logRequests } from './ops/requests.ts'
import { type OpenDatabase, openDatabase, ping, reach } from './storage/database.ts'
import { migrateToLatest } from './storage/migrate.ts'
import { isOutage } from './storage/outage.ts'
import { createKeyring } from './storage/sealing.ts'
import { createRegistry, type UpstreamSettings } from './upstreams/registry.ts'

export interface Gatehouse {
  /** Ready to listen. Closing it drains the gateway, then closes everything that was opened here. */
  readonly app: FastifyInstance
  readonly firstSteps: FirstSteps
  /** Reads the upstreams and the policy again; null when there is nothing to read them from. */
  readonly reload: Reload | null
}

/** Receiving a request takes longer than this only for who means to keep us waiting. Answers may take as long as they like. */
const REQUEST_TIMEOUT_MS = 60_000
/** Longer than the load balancers in front keep theirs, so that none of them reuses a connection that we just closed. */
const KEEP_ALIVE_MS = 75_000
/**
 * Clients vanish without a word, and the kernel notices when it asks. With its ten tries, a second apart, that is done before a
 * silent stream gets its next comment (gateway/limits.ts): what nobody acknowledges would keep it from asking.
 */
const KEEP_ALIVE_PROBE_MS = 10_000

/** No route has a schema. Fastify would load what compiles them all the same, and keep it. */
function noSchemas(): never {
  throw new Error('A route has a schema, and nothing is loaded that could compile it.')
}

export async function buildApp(config: Config, secrets: Secrets, overrides: Overrides): Promise<Gatehouse> {
  const { logger } = overrides
  const loggerInstance: FastifyBaseLogger = logger
  const front = createFront(createHostCheck(config.publicUrl))
  const app: FastifyInstance = Fastify({
    loggerInstance,
    serverFactory: front.serverFactory,
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    trustProxy: trustProxyOf(config),
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: {
      maxHeaderSize: config.maxHeaderBytes,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
    },
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
  const policy = createStandingPolicy(config.policy)
  const keyring = createKeyring(secrets.secretKeys)
  const metrics = await openMetrics(app, config)
  const audit = createAudit(logger, metrics)

  closeUnusedConnections(app)
  logRequests(app, metrics)
  const pages = await addPages(app, { publicUrl: config.publicUrl, isOutage })
  const revocations = await followRevocations(app, storage, logger)
  const { upstreamFetch, upstreamLeaseSeconds: leaseSeconds } = overrides
  const logins = createUpstreamLogins({
    config,
    logger,
    audit,
    storage,
    keyring,
    registry,
    policy,
    sign: (statement) => authorizationServer.sign(statement),
    fetch: upstreamFetch,
    leaseSeconds,
  })
  serveClientDocument(app, config.publicUrl)
  const mailbox = await mailboxOf(app, storage, keyring, logger)
  const { credentialFor } = logins
  const budget = createAnswerBudget(config.maxHeldAnswerBytes)
  const links = openLinks({
    registry,
    keyring,
    mailbox,
    credentialFor,
    logger,
    maxAnswerBytes: config.maxAnswerBytes,
    budget,
  })
  app.addHook('onClose', () => links.close())
  const catalogue = createCatalogue(storage, links, logger)
  const failures = createFailedAttempts({ rate: config.perAddress.failed, clock: Date.now })
  const shared = { config, logger, audit, storage, keyring, registry, policy }
  const foundation = { ...shared, failures, pages, mailbox, links, budget, catalogue, revocations, logins }
  const authorizationServer = await addAuthorizationServer(app, foundation, overrides)
  const { setup } = await addPeople(app, foundation, authorizationServer, overrides)
  const keys = createApiKeys(storage.db, (member) => groupsOf(policy.current(), member))
  const gateway = addGateway(app, front, foundation, authorizationServer, keys)
  const { isDraining } = gateway
  const standing = { ...gateway, linesLost: () => linesLost(logger), heldAnswerBytes: budget.held }
  if (metrics !== null) addGauges(metrics, storage, standing)
  await app.register(health, { checks: [() => ping(storage.db)], isDraining })
  keepHouse(app, foundation, [authorizationServer.flush, keys.flush, logins.flush])
  keepKeys(app, foundation, authorizationServer, overrides)
  keepRecord(app, foundation, overrides)

  const firstSteps = {
    endpoints: endpointsOf(registry),
    setupLink: setup.kind === 'link' ? setup.url : null,
    usesDemo: config.upstreams.length === 0,
  }
  const reload = await followFiles(app, foundation, overrides)
  await addOperatorApi(app, foundation, keys, reload)
  return { firstSteps, reload }
}

async function openStorage(app: FastifyInstance, config: Config, logger: Logger): Promise<OpenDatabase> {
  const storage = await openDatabase(config.database, { log: logger })
  app.addHook('onClose', () => storage.close())
  return storage
}

async function followFiles(
  app: FastifyInstance,
  { registry, policy, logger, config, mailbox }: Foundation,
  { readConfig, filePollMs }: Overrides,
): Promise<Reload | null> {
  if (!readConfig) return null
  const poll = filePollMs === undefined ? {} : { everyMs: filePollMs }
  const reload = startReload({ registry, policy, logger, config, readConfig, ...poll })
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

async function migrate(storage: OpenDatabase, logger: Logger): Promise<void> {
  await reach(storage)
  const applied = await migrateToLatest(storage.db)
  if (applied.length > 0) logger.info({ applied }, 'the database was migrated')
}

/** Without any upstream of your own there is one to try things with. Loaded only then. */
async function startDemo(app: FastifyInstance): Promise<UpstreamSettings> {
  const { startDemoUpstream } = await import('./demo/server.ts')
  const demo = await startDemoUpstream()
  app.addHook('onClose', () => demo.close())
  return { name: 'demo', title: 'Demo', url: demo.url, headers: {} }
}
