// Owns the client that our own pages are: signing in to them is an ordinary authorization request, so there is one way to sign in.

import { createHash, randomBytes } from 'node:crypto'
import type { ClientMetadata } from 'oidc-provider'

export const PAGES_CLIENT_ID = 'gatehouse'

/** Where a browser lands after signing in to the pages. The code in its query is never redeemed and expires. */
export const SIGNED_IN_PATH = '/login/done'

export function pagesClient(publicUrl: string): ClientMetadata {
  return {
    client_id: PAGES_CLIENT_ID,
    client_name: 'Gatehouse',
    redirect_uris: [publicUrl + SIGNED_IN_PATH],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  }
}

/** Pages of ours that somebody may be sent to after signing in; nothing else, whatever the query says. */
const LANDING = /^\/(?:account|connect\/[a-z0-9][a-z0-9-]{0,31}(?:\?for=[\w-]{1,512})?)$/

/** Where to go on from SIGNED_IN_PATH. */
export function landingOf(query: unknown): string {
  const state = typeof query === 'object' && query !== null && 'state' in query ? query.state : undefined
  return typeof state === 'string' && LANDING.test(state) ? state : '/'
}

/** The path of an authorization request that signs the browser in. Nobody knows its code verifier, on purpose. */
export function signInPath(publicUrl: string, landing = '/'): string {
  const query = new URLSearchParams({
    client_id: PAGES_CLIENT_ID,
    redirect_uri: publicUrl + SIGNED_IN_PATH,
    response_type: 'code',
    scope: 'openid',
    code_challenge: createHash('sha256').update(randomBytes(32)).digest('base64url'),
    code_challenge_method: 'S256',
    state: landing,
  })
  return `/authorize?${query}`
}
