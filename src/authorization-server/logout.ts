// Owns the reading of a client's request to sign a person out (OpenID Connect RP-Initiated Logout 1.0 §2).

import { decodeJwt } from 'jose'
import type { Client, Provider } from 'oidc-provider'
import { OAuthError } from '../oauth/errors.ts'
import { describeForPeople } from './described-request.ts'
import { formActionSource, redirectHost } from './redirect-uris.ts'

export const LOGOUT_PATH = '/logout'

/** As the client sent them; anything that is not one text is as good as absent. */
export interface LogoutParameters {
  readonly id_token_hint?: string | undefined
  readonly client_id?: string | undefined
  readonly post_logout_redirect_uri?: string | undefined
  readonly state?: string | undefined
}

export interface LogoutRequest {
  readonly client: { readonly name: string; readonly idHost: string | null } | null
  /** Where the client wants the browser back; only ever a URI that it registered. */
  readonly returnTo: LogoutReturn | null
  /** It holds an ID token of ours, so it did sign this person in. */
  readonly isProven: boolean
}

export interface LogoutReturn {
  readonly href: string
  /** What a person is shown of it. */
  readonly host: string
  /** A source for the Content-Security-Policy directive form-action. */
  readonly source: string
}

export interface Logout {
  /** Throws when the client is unknown, its ID token not ours, or its address not registered. */
  read(parameters: LogoutParameters): Promise<LogoutRequest>
}

export function createLogout(provider: () => Provider): Logout {
  return {
    async read(parameters) {
      const { id_token_hint: hint, client_id: named } = parameters
      const id = hint === undefined ? named : audienceOf(hint)
      if (hint !== undefined && named !== undefined && named !== id)
        throw refused('client_id is not the audience of id_token_hint')
      // Without a client nobody vouches for the address, so there is none.
      if (id === undefined) return { client: null, returnTo: null, isProven: false }
      const client = await provider().Client.find(id)
      if (!client) throw refused('the client is not known')
      if (hint !== undefined) await checkHint(provider(), hint, client)
      const { name, idHost } = describeForPeople(client, '')
      return {
        client: { name, idHost },
        returnTo: returnOf(client, parameters),
        isProven: hint !== undefined,
      }
    },
  }
}

/** One that has expired will do: it only says who signed in where. */
async function checkHint(provider: Provider, hint: string, client: Client): Promise<void> {
  try {
    await provider.IdToken.validate(hint, client)
  } catch (cause) {
    throw refused('id_token_hint is not an ID token of this service', cause)
  }
}

function audienceOf(hint: string): string {
  try {
    const { aud } = decodeJwt(hint)
    if (typeof aud === 'string') return aud
  } catch (cause) {
    throw refused('id_token_hint cannot be read', cause)
  }
  throw refused('id_token_hint has no single audience')
}

function returnOf(
  client: Client,
  { post_logout_redirect_uri: uri, state }: LogoutParameters,
): LogoutReturn | null {
  if (uri === undefined) return null
  if (!client.postLogoutRedirectUriAllowed(uri)) throw refused('post_logout_redirect_uri is not registered')
  const url = new URL(uri)
  if (state !== undefined) url.searchParams.set('state', state)
  return { href: url.href, host: redirectHost(uri), source: formActionSource(uri) }
}

function refused(description: string, cause?: unknown): OAuthError {
  return new OAuthError('invalid_request', description, { cause })
}
