// Owns what an authorization request asks for that names no scope we know (RFC 6749 §3.3).

import type { KoaContextWithOIDC } from 'oidc-provider'
import type { ProtectedResource } from '../oauth/resource.ts'
import { formatScope, IDENTITY_SCOPES, parseScope, readScopesOf, scopesOf } from '../oauth/scope.ts'

/** Where authorization begins. Elsewhere a missing scope means what was granted. */
const ROUTES: ReadonlySet<string> = new Set([
  'authorization',
  'pushed_authorization_request',
  'device_authorization',
])

/**
 * A client that names no scope, or none that means anything here, asks to read at its resource: clients of the field have
 * scopes of their own making (`claudeai`, `mcp:*`) that nobody at the other end can change. The person decides, and the token's
 * answer says what it is good for (RFC 6749 §5.1). Without this it would be told `access_denied`.
 */
export function assumeScope({ oidc }: KoaContextWithOIDC, resource: ProtectedResource): void {
  const { params, route } = oidc
  if (!params || !ROUTES.has(route)) return
  const asked = parseScope(typeof params.scope === 'string' ? params.scope : undefined)
  const known = [...IDENTITY_SCOPES, ...scopesOf(resource)]
  if (!known.some((scope) => asked.has(scope))) params.scope = formatScope(readScopesOf(resource))
}
