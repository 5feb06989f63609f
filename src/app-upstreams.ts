// Owns what the parts of the app are told about the upstreams: resources, tools and addresses, each as that part asks for it.

import type { KeyOffer } from './account/new-key.ts'
import type { Resources } from './authorization-server/resources.ts'
import type { FirstSteps } from './banner.ts'
import type { AnswerBudget } from './http/answer-budget.ts'
import type { Mailbox } from './mcp/mailbox.ts'
import { PeerFailure } from './mcp/peer.ts'
import { fullScope, readScope, scopesOf } from './oauth/scope.ts'
import type { Logger } from './ops/logger.ts'
import type { OpenDatabase } from './storage/database.ts'
import type { Keyring } from './storage/sealing.ts'
import { observe } from './storage/upstream-tools.ts'
import type { CredentialFor } from './upstreams/credentials.ts'
import { createLinks, type Links, type OpenLinks } from './upstreams/links.ts'
import { startProblem } from './upstreams/programs/startable.ts'
import type { Registry, StdioUpstream } from './upstreams/registry.ts'
import { createToolCatalogue, type ToolCatalogue } from './upstreams/tools.ts'

export interface LinksFoundation {
  readonly registry: Registry
  readonly keyring: Keyring
  readonly mailbox: Mailbox
  readonly credentialFor: CredentialFor
  readonly logger: Logger
  /** See MAX_ANSWER. */
  readonly maxAnswerBytes: number
  /** See MAX_HELD_ANSWERS. */
  readonly budget: AnswerBudget
}

export function openLinks({
  registry,
  keyring,
  mailbox,
  credentialFor,
  logger,
  maxAnswerBytes,
  budget,
}: LinksFoundation): OpenLinks {
  const links = createLinks({
    credentialFor,
    sealer: sealerOf(keyring, 'mcp-request-state'),
    mailbox,
    maxAnswerBytes,
    budget,
    has: registry.has,
    programLog: {
      // It may hold anything, so it is for who looks for it.
      wrote: (upstream, line) => logger.debug({ upstream, line }, 'a program wrote to its standard error'),
      died: (upstream, how) =>
        logger.warn(
          { upstream, how },
          'a program ended by itself; LOG_LEVEL=debug shows what it writes to its standard error',
        ),
    },
    failureLog: (upstream, why) => logger.warn({ upstream, why }, 'an upstream has no answer'),
    apiProblem(upstream, { of, part, why, advice, kept, error: err }) {
      const what = `an OpenAPI ${of} cannot be used${kept ? '; the one from before still is' : ''}`
      logger.warn({ upstream, part, why, advice }, what)
      if (err) logger.debug({ upstream, err }, what)
    },
  })
  // What is wrong with them is said before anybody asks.
  const look = () => {
    for (const upstream of registry.upstreams()) {
      // It loads its document.
      if (upstream.kind === 'openapi') links.peerOf(upstream)
      if (upstream.kind === 'stdio') void warnOfProgram(upstream, logger)
    }
  }
  look()
  registry.onReplace(look)
  return links
}

/** It may be installed later, and the other upstreams do not wait for it. */
async function warnOfProgram(upstream: StdioUpstream, logger: Logger): Promise<void> {
  const problem = await startProblem(upstream)
  const { name, command, cwd } = upstream
  if (problem !== null)
    logger.warn({ upstream: name, command, cwd, ...problem }, 'a program cannot be started')
}

export function sealerOf(keyring: Keyring, purpose: string) {
  return {
    seal: (text: string, aad: string) => keyring.seal(purpose, text, aad),
    open: (sealed: string, aad: string) => keyring.open(purpose, sealed, aad)?.toString() ?? null,
  }
}

export function createCatalogue(
  { db }: OpenDatabase,
  { peerOf }: Pick<Links, 'peerOf'>,
  logger: Logger,
): ToolCatalogue {
  // One that does not answer was told of already, in a line that is easier to read.
  const report = (err: unknown) =>
    logger[isAbsent(err) ? 'debug' : 'warn']({ err }, 'an upstream did not tell its tools')
  return createToolCatalogue({
    peerOf,
    report,
    observe: (upstream, tools) => observe(db, upstream, tools),
  })
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof PeerFailure
}

export function resourcesOf(registry: Registry): Resources {
  return {
    byIdentifier: (identifier) =>
      registry.all().find(({ resource }) => resource.identifier === identifier)?.resource ?? null,
    fallback: () => registry.find('/mcp')?.resource ?? null,
    scopes: () => [...new Set(registry.all().flatMap(({ resource }) => scopesOf(resource)))],
  }
}

/** `/mcp` first. With a single upstream its own path is only another name for it, so one address is shown. */
export function endpointsOf(registry: Registry): FirstSteps['endpoints'] {
  const places = registry.all()
  const shown = registry.upstreams().length === 1 ? places.slice(0, 1) : places
  return shown.map(({ resource }) => ({ title: resource.title, url: resource.identifier }))
}

/** What an API key can be made for. */
export function keyOffersOf(registry: Registry): readonly KeyOffer[] {
  return registry.upstreams().map(({ name, title, toolScopes }) => ({
    title,
    scopes: [
      { scope: fullScope(name), label: 'everything, including changes' },
      ...toolScopes.map(({ scope, title: label }) => ({ scope, label })),
      { scope: readScope(name), label: 'read' },
    ],
  }))
}
