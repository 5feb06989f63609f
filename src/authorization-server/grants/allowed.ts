// Owns what a client is told that asks for a grant it may not use (RFC 6749 §5.2).

import { errors, Provider } from 'oidc-provider'

/** oidc-provider would say `invalid_request`, which sends people looking for a mistake in the request. */
export function refuseForbiddenGrants({ Client: { prototype } }: Provider): void {
  const isAllowed = prototype.grantTypeAllowed
  prototype.grantTypeAllowed = function grantTypeAllowed(grantType: string) {
    if (isAllowed.call(this, grantType)) return true
    const { oidc } = Provider.ctx ?? {}
    if (oidc?.route !== 'token' || oidc.params?.grant_type !== grantType) return false
    throw new errors.UnauthorizedClient('the client may not use this grant')
  }
}
