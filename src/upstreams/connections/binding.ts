// Owns what a connection is bound to, so that a configuration that changed never sends an old token to a new place.

import type { OAuth2Auth, UpstreamAuth } from '../../oauth/upstream-auth.ts'
import type { ConnectionKey } from '../../storage/upstream-connection-row.ts'
import { EVERYBODY } from '../../storage/upstream-connections.ts'
import type { Upstream } from '../registry.ts'

/** An upstream that wants a login, and how. */
export type Wanting = Upstream & { readonly auth: UpstreamAuth }

export function wantsLogin(upstream: Upstream): upstream is Wanting {
  return upstream.auth !== null
}

export function isShared({ auth }: Wanting): boolean {
  return auth.type === 'oauth2' && auth.shared
}

/** Nobody logs in: we do. */
export function isOurOwn({ auth }: Wanting): boolean {
  return auth.type === 'oauth2' && auth.grant !== 'authorization_code'
}

/** Another identity provider than we are says who somebody is. */
export function isForeign({ auth }: Wanting): boolean {
  return auth.type === 'id-jag' && auth.identityProvider !== null
}

/** Something of theirs that a person pastes once. */
export function isPasted(upstream: Wanting): boolean {
  return upstream.auth.type === 'api-key' || isForeign(upstream)
}

export function ownerOf(upstream: Wanting, userId: string): string {
  return isShared(upstream) ? EVERYBODY : userId
}

export function keyOf(upstream: Wanting, userId: string): ConnectionKey {
  return { owner: ownerOf(upstream, userId), upstream: upstream.name }
}

/** Where the upstream is, and as whom we come: a change of either is another connection. */
export function bindingOf(upstream: Wanting): string {
  const { auth } = upstream
  const place = 'url' in upstream ? upstream.url : null
  if (auth.type === 'oauth2') return JSON.stringify([place, 'oauth2', ...clientOf(auth), ...grantOf(auth)])
  if (auth.type === 'api-key') return JSON.stringify([place, 'api-key'])
  if (auth.type === 'id-jag' && auth.identityProvider !== null) {
    const { tokenEndpoint, clientId } = auth.identityProvider
    return JSON.stringify([place, 'id-jag', auth.issuer, auth.clientId, tokenEndpoint, clientId])
  }
  return JSON.stringify([place, auth.type])
}

/** Left out where a person logs in, as it was before there was anything else. */
function grantOf({ grant, scopes }: OAuth2Auth): readonly string[] {
  return grant === 'authorization_code' ? [] : [grant, ...(scopes ?? [])]
}

function clientOf({ clientId, issuer, tokenEndpoint }: OAuth2Auth): readonly (string | null)[] {
  return [clientId, issuer, tokenEndpoint]
}
