// Owns how the gateway is put together.

import type { FastifyInstance } from 'fastify'
import { type Foundation, trustProxyOf } from './app-foundation.ts'
import type { UpstreamState } from './app-metrics.ts'
import { sealerOf } from './app-upstreams.ts'
import type { ApiKeys } from './authorization-server/api-keys.ts'
import type { AuthorizationServer } from './authorization-server/authorization-server.ts'
import { MOST_SUBSCRIPTIONS } from './gateway/bridge/legacy/session-store.ts'
import { createGateway, type Gateway, type GatewayNeeds } from './gateway/gateway.ts'
import { gatewayPlugin } from './gateway/plugin.ts'
import { createSignpost } from './gateway/signpost.ts'
import { createClientAddress } from './http/client-address.ts'
import type { Front } from './http/front.ts'
import { standingAnswerHeaders } from './http/security-headers.ts'
import * as artifactUses from './storage/artifact-uses.ts'
import * as bridgeSessions from './storage/bridge-sessions.ts'
import type { OpenDatabase } from './storage/database.ts'
import { hashToken } from './storage/hash.ts'
import * as users from './storage/users.ts'
import { createAskForLogin } from './upstreams/connections/asking.ts'
import { connectingLinks } from './upstreams/connections/connecting-links.ts'
import { guardLinks } from './upstreams/guarded-links.ts'
import { createGuards } from './upstreams/guards.ts'

export function addGateway(
  app: FastifyInstance,
  front: Front,
  {
    config,
    logger,
    audit,
    storage,
    keyring,
    registry,
    policy,
    catalogue,
    revocations,
    logins,
    mailbox,
    pages,
    links: opened,
    budget,
  }: Foundation,
  { findKey, challenged }: AuthorizationServer,
  keys: ApiKeys,
): Pick<Gateway, 'isDraining' | 'openStreams'> & { upstreamStates(): readonly UpstreamState[] } {
  const report = (err: unknown) => logger.error({ err }, 'the gateway failed')
  const guards = createGuards({ perUpstream: config.perUpstream, clock: Date.now })
  const guarded = guardLinks(opened, guards, report)
  registry.onReplace(guarded.retire)
  const links = connectingLinks(guarded, logins)
  const signpost = createSignpost(app, { pages, registry })
  const gateway = createGateway({
    issuer: config.publicUrl,
    registry,
    keys: { find: findKey },
    revocations,
    apiKeys: keys,
    claimProof: storage.kind === 'postgres' ? claimProofsIn(storage) : undefined,
    credentialFor: logins.credentialFor,
    credentialRefused: logins.refused,
    askForLogin: createAskForLogin(logins.connecting),
    links,
    policy,
    budget,
    answerCacheBytes: config.answerCacheBytes,
    guards,
    refusedPerAddress: config.perAddress.refused,
    allowances: { perPerson: config.perPerson, perClient: config.perClient },
    sessions: sealerOf(keyring, 'mcp-session'),
    mailbox,
    sessionStore: {
      load: (session) => bridgeSessions.load(storage.db, session),
      change: (session, change) => bridgeSessions.change(storage.db, session, change, MOST_SUBSCRIPTIONS),
    },
    toolsOf: catalogue.toolsOf,
    emailOf: async ({ subject }) => (await users.findById(storage.db, subject))?.email ?? null,
    onStepUp: challenged,
    audit: audit.call,
    report,
    showSignpost: signpost.show,
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
  app.register(gatewayPlugin, { gateway, signpost })
  front.lead('/mcp', gateway.handle)
  return {
    isDraining: () => draining,
    openStreams: gateway.openStreams,
    upstreamStates: () =>
      registry.upstreams().map((upstream) => {
        const { isDown, present } = guards.stateOf(upstream)
        return {
          upstream: upstream.name,
          isDown,
          calls: present?.calls ?? null,
          streams: present?.streams ?? null,
        }
      }),
  }
}

/** One insert for a call whose token is bound to a key, so that no replica accepts what another has seen. */
function claimProofsIn({ db }: OpenDatabase): GatewayNeeds['claimProof'] {
  return (id, until) =>
    artifactUses.claimOnce(db, 'DPoPProof', hashToken(id), Math.max(1, until - Math.floor(Date.now() / 1000)))
}
