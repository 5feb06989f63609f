// Owns what a client may have in its own name (RFC 6749 §4.4; MCP's extension io.modelcontextprotocol/oauth-client-credentials).

import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { ProtectedResource } from '../../oauth/resource.ts'
import { formatScope, includesAll, intersection, parseScope, scopesOf } from '../../oauth/scope.ts'
import { marksOf } from '../client-marks.ts'
import { CLIENT_CREDENTIALS } from './names.ts'

/**
 * Leaves in the request what the operator allowed this client, at this resource: everything when it names no scope. No
 * person is asked here, so a client that nobody allowed anything gets nothing.
 */
export function limitToClient(
  { oidc: { params } }: KoaContextWithOIDC,
  client: Client,
  resource: ProtectedResource,
): void {
  if (params?.grant_type !== CLIENT_CREDENTIALS) return
  const { scope } = params
  const asked = parseScope(typeof scope === 'string' ? scope : undefined)
  params.scope = formatScope(scopesFor(client, resource, asked))
}

function scopesFor(
  client: Client,
  resource: ProtectedResource,
  asked: ReadonlySet<string>,
): ReadonlySet<string> {
  if (client.clientAuthMethod === 'none') {
    throw new errors.UnauthorizedClient('a client without credentials cannot have a token of its own')
  }
  const { scopes } = marksOf(client.metadata())
  const offered = new Set(scopesOf(resource))
  const allowed = intersection(scopes, offered)
  if (allowed.size === 0) throw new errors.InvalidScope('the client is allowed nothing at this resource', '')
  if (asked.size === 0) return allowed
  if (asked.isSubsetOf(offered) && includesAll(allowed, asked)) return asked
  throw new errors.InvalidScope('the client is not allowed this scope', formatScope(asked))
}
