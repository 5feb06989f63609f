// Owns which origins an operator named for an upstream: these are asked for it whatever their address is, and no others.

import type { GuardedFetch } from '../http/guarded-fetch.ts'
import type { UpstreamAuth } from '../oauth/upstream-auth.ts'
import type { Registry, Upstream } from './registry.ts'

/**
 * For one upstream. What it and its authorization server say leads nowhere else inside: the private address of another
 * upstream is as foreign to it as any.
 */
export function fetchFor(upstream: Upstream, fetch: GuardedFetch): GuardedFetch {
  const named = originsOf(upstream)
  return (input, init) => fetch(input, { ...init, named })
}

/** For whatever is configured, where a request belongs to no upstream any more. */
export function isConfigured(
  registry: Registry,
): (origin: string, named: ReadonlySet<string> | undefined) => boolean {
  return (origin, named) =>
    named?.has(origin) ?? registry.upstreams().some((upstream) => originsOf(upstream).has(origin))
}

/** Its own, and those of the servers in its `auth`. */
function originsOf(upstream: Upstream): ReadonlySet<string> {
  const { auth } = upstream
  const place = 'url' in upstream ? upstream.url : null
  const named = auth === null ? [] : serversOf(auth)
  return new Set([place, ...named].flatMap((url) => (url === null ? [] : (URL.parse(url)?.origin ?? []))))
}

function serversOf(auth: UpstreamAuth): readonly (string | null)[] {
  if (auth.type === 'oauth2') {
    const { issuer, authorizationEndpoint, tokenEndpoint, deviceEndpoint, revocationEndpoint } = auth
    return [issuer, authorizationEndpoint, tokenEndpoint, deviceEndpoint, revocationEndpoint]
  }
  if (auth.type === 'id-jag')
    return [auth.issuer, auth.tokenEndpoint, auth.identityProvider?.tokenEndpoint ?? null]
  return auth.type === 'token-exchange' ? [auth.tokenEndpoint] : []
}
