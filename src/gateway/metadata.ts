// Owns protected resource metadata (RFC 9728): what a client learns about a resource before it has a token.

import { PROOF_ALGORITHMS } from '../http/dpop-proof.ts'
import { metadataPath, type ProtectedResource } from '../oauth/resource.ts'
import { readScopesOf } from '../oauth/scope.ts'
import type { Registry } from '../upstreams/registry.ts'

export interface ResourceMetadata {
  readonly resource: string
  readonly authorization_servers: readonly string[]
  readonly scopes_supported: readonly string[]
  readonly bearer_methods_supported: readonly string[]
  readonly dpop_signing_alg_values_supported: readonly string[]
  readonly resource_name: string
}

const WELL_KNOWN = metadataPath('')
const ROOT_RESOURCE = '/mcp'

/**
 * The document at a well-known path: `…/mcp` or `…/mcp/<upstream>` (RFC 9728 §3.1), or the bare path, which some clients ask
 * for and which means `/mcp`. Null where there is none.
 */
export function resourceMetadata(registry: Registry, issuer: string, path: string): ResourceMetadata | null {
  if (!path.startsWith(WELL_KNOWN)) return null
  const place = registry.find(path.slice(WELL_KNOWN.length) || ROOT_RESOURCE)
  return place && describe(place.resource, issuer)
}

/** Only what basic use needs; the rest is asked for when a call needs it (MCP, "Scope Selection Strategy"). */
function describe(resource: ProtectedResource, issuer: string): ResourceMetadata {
  return {
    resource: resource.identifier,
    authorization_servers: [issuer],
    scopes_supported: readScopesOf(resource),
    bearer_methods_supported: ['header'],
    dpop_signing_alg_values_supported: PROOF_ALGORITHMS,
    resource_name: resource.title,
  }
}
