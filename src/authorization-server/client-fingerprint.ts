// Owns the fingerprint of a client's identity: what it is called, where codes go, and whose keys it answers with.

import { createHash } from 'node:crypto'

export interface ClientIdentity {
  readonly client_name?: unknown
  readonly redirect_uris?: unknown
  readonly token_endpoint_auth_method?: unknown
  readonly jwks?: unknown
  readonly jwks_uri?: unknown
}

/** Equal exactly when a person who agreed to one client agreed to the other: order and absent members do not matter. */
export function clientFingerprint(client: ClientIdentity): string {
  const { client_name, redirect_uris, token_endpoint_auth_method, jwks, jwks_uri } = client
  const uris = Array.isArray(redirect_uris) ? redirect_uris.toSorted() : null
  const identity = canonical({ client_name, redirect_uris: uris, token_endpoint_auth_method, jwks, jwks_uri })
  return createHash('sha256').update(identity).digest('base64url')
}

/** JSON with the members of every object in one order, and without absent ones. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : (member ?? undefined),
  )
}
