// Owns what a client's assertion of who it is must say beyond oidc-provider's own checks (RFC 7523 §3).

import { errors, type KoaContextWithOIDC } from 'oidc-provider'

/** One audience, as text: what is also good elsewhere may have been taken from there (the attack behind RFC 7523bis). */
export function requireOneAudience(_ctx: KoaContextWithOIDC, { aud }: { aud?: unknown }): void {
  if (typeof aud !== 'string')
    throw new errors.InvalidClientAuth('the audience of the assertion has to be one text')
}
