// Owns what the parts of the app are told about the upstreams: resources, tools and addresses, each as that part asks for it.

import { setTimeout } from 'node:timers/promises'
import type { KeyOffer } from './account/new-key.ts'
import type { Resources } from './authorization-server/resources.ts'
import type { FirstSteps } from './banner.ts'
import type { ProtectedResource } from './oauth/resource.ts'
import { fullScope, readScope, scopesOf } from './oauth/scope.ts'
import type { Tools } from './oauth/tool.ts'
import type { Logger } from './ops/logger.ts'
import type { OpenDatabase } from './storage/database.ts'
import { observe } from './storage/upstream-tools.ts'
import type { Registry } from './upstreams/registry.ts'
import { createToolCatalogue, type ToolCatalogue } from './upstreams/tools.ts'

const TOOLS_FOR_PAGES_MS = 1500

export function createCatalogue({ db }: OpenDatabase, logger: Logger): ToolCatalogue {
  const report = (err: unknown) => logger.warn({ err }, 'an upstream did not tell its tools')
  return createToolCatalogue({ fetch, report, observe: (upstream, tools) => observe(db, upstream, tools) })
}

/** A person does not wait for an upstream that does not answer. */
export function toolsForPages(registry: Registry, catalogue: ToolCatalogue) {
  return async (name: string): Promise<Tools | undefined> => {
    const upstream = registry.upstreams().find((each) => each.name === name)
    if (!upstream) return undefined
    const waited = setTimeout(TOOLS_FOR_PAGES_MS, undefined, { ref: false })
    return Promise.race([catalogue.toolsOf(upstream), waited])
  }
}

export function heldToolsOf(registry: Registry, catalogue: ToolCatalogue) {
  return async ({ upstreams }: ProtectedResource, agreedAt: number): Promise<boolean> => {
    const names = new Set(upstreams.map(({ name }) => name))
    const holding = registry.upstreams().filter(({ name, holdNewTools }) => holdNewTools && names.has(name))
    const listed = await Promise.all(holding.map((upstream) => catalogue.toolsOf(upstream)))
    return listed.some((tools) => tools.values().some(({ since }) => since > agreedAt))
  }
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
