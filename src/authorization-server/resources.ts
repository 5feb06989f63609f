// Owns which resources a token can be asked for (RFC 8707), and what such a token looks like.

import { type Configuration, errors, type ResourceServer } from 'oidc-provider'
import { canonicalResource, type ProtectedResource } from '../oauth/resource.ts'
import { formatScope, scopesOf } from '../oauth/scope.ts'
import { assumeScope } from './default-scope.ts'
import { limitToClient } from './grants/client-credentials.ts'
import { SIGNING_ALGORITHM } from './key-schedule.ts'

export interface Resources {
  /** The resource with this canonical identifier, or null. */
  byIdentifier(identifier: string): ProtectedResource | null
  /** What a client means that names no resource; null when it has to say. */
  fallback(): ProtectedResource | null
  /** Every scope of every upstream. */
  scopes(): readonly string[]
}

type ResourceIndicators = NonNullable<NonNullable<Configuration['features']>['resourceIndicators']>

const UNKNOWN =
  'there is no such resource here; send the URL of the MCP server, as its protected resource metadata spells it'
const SEVERAL = 'a token is for one resource; send one resource parameter'

/** A token is for exactly one resource; asking for two at once, or for one that is not ours, is `invalid_target`. */
export function resourceIndicators(resources: Resources, accessTokenTtlSeconds: number): ResourceIndicators {
  return {
    enabled: true,
    defaultResource: async (_ctx, _client, oneOf) => oneOf ?? resources.fallback()?.identifier ?? [],
    // Clients that send no `resource` to the token endpoint get a token for the one they were granted.
    useGrantedResource: async () => true,
    getResourceServerInfo: async (ctx, indicator, client): Promise<ResourceServer> => {
      const resource = findResource(resources, indicator)
      if (!resource) throw new errors.InvalidTarget(UNKNOWN)
      if (asksForSeveral(ctx.oidc.params?.resource)) throw new errors.InvalidTarget(SEVERAL)
      assumeScope(ctx, resource)
      limitToClient(ctx, client, resource)
      return resourceServerOf(resource, accessTokenTtlSeconds)
    },
  }
}

/** What a token for this resource looks like. */
export function resourceServerOf(resource: ProtectedResource, accessTokenTtlSeconds: number): ResourceServer {
  return {
    scope: formatScope(scopesOf(resource)),
    audience: resource.identifier,
    accessTokenTTL: accessTokenTtlSeconds,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: SIGNING_ALGORITHM } },
  }
}

/** Scheme and host in any case, with or without a trailing slash: clients in the field send all of them. */
export function findResource(resources: Resources, indicator: string): ProtectedResource | null {
  const canonical = canonicalResource(indicator)
  return canonical === null ? null : resources.byIdentifier(canonical)
}

function asksForSeveral(resource: unknown): boolean {
  return Array.isArray(resource) && resource.length > 1
}
