// Owns what an authorization request without a scope asks for (RFC 6749 §3.3).

import type { KoaContextWithOIDC } from 'oidc-provider'
import type { ProtectedResource } from '../oauth/resource.ts'
import { formatScope, readScopesOf } from '../oauth/scope.ts'

/** Where authorization begins. Elsewhere a missing scope means what was granted. */
const ROUTES: ReadonlySet<string> = new Set([
  'authorization',
  'pushed_authorization_request',
  'device_authorization',
])

/** A client that names no scope gets reading at its resource; without this it would be told `access_denied`. */
export function assumeScope({ oidc }: KoaContextWithOIDC, resource: ProtectedResource): void {
  const { params, route } = oidc
  if (params && !params.scope && ROUTES.has(route)) params.scope = formatScope(readScopesOf(resource))
}
