// Owns tokens of upstreams as they are kept, renewed and given back.

import type { AuthorizationServerMetadata, OAuthTokens } from '@modelcontextprotocol/client'
import * as z from 'zod'
import type { GuardedFetch } from '../../http/guarded-fetch.ts'
import { parseScope } from '../../oauth/scope.ts'
import { hostOf, type LoginServer } from './discovery.ts'
import { LoginEnded, OAuthFailure } from './failure.ts'
import type { LoginClient } from './registration.ts'

export interface Granted {
  readonly accessToken: string
  readonly refreshToken: string | null
  readonly scopes: ReadonlySet<string>
  /** Null: the server does not say. */
  readonly goodUntil: Date | null
}

/** RFC 6750 §2.1; what cannot stand in a header is no token. */
const TOKEN = /^[\x21-\x7e]{1,16384}$/

export function toGranted(tokens: OAuthTokens, asked: string | null): Granted {
  const { access_token: accessToken, refresh_token: refreshToken = null, expires_in: seconds } = tokens
  if (!TOKEN.test(accessToken) || (refreshToken !== null && refreshToken.length > 16384))
    throw new OAuthFailure('The server gave a token that cannot be sent.')
  if (tokens.token_type.toLowerCase() !== 'bearer')
    throw new OAuthFailure('The server gave a token of a kind that is not known here.')
  return {
    accessToken,
    refreshToken,
    scopes: parseScope(tokens.scope ?? asked ?? ''),
    goodUntil: seconds === undefined ? null : new Date(Date.now() + seconds * 1000),
  }
}

/** RFC 6749 §5.2: what no waiting changes. */
const FINAL: ReadonlySet<unknown> = new Set(['invalid_grant', 'invalid_client', 'unauthorized_client'])

/** Rejects with LoginEnded when the server says that it is over, with another OAuthFailure when it may work later. */
export async function renew(
  server: LoginServer,
  client: LoginClient,
  refreshToken: string,
  fetch: GuardedFetch,
): Promise<Granted> {
  const sdk = await import('@modelcontextprotocol/client')
  const tokens = await sdk
    .refreshAuthorization(server.url, {
      ...metadataFor(server),
      clientInformation: clientInformation(client),
      refreshToken,
      ...resourceOf(server),
      fetchFn: fetch,
    })
    .catch((cause: unknown) => {
      const code = cause instanceof sdk.OAuthError ? cause.code : null
      if (FINAL.has(code)) throw new LoginEnded(`${hostOf(server.url)} ended the login.`, cause)
      throw new OAuthFailure(`${hostOf(server.url)} does not renew the login at the moment.`, cause)
    })
  // RFC 6749 §6: without a new scope it is the old one, which the caller keeps.
  return toGranted(tokens, null)
}

/** RFC 7009, where the server can. Failing changes nothing: what we know of it is gone either way. */
export async function revoke(
  server: LoginServer,
  client: LoginClient,
  token: string,
  hint: 'refresh_token' | 'access_token',
  fetch: GuardedFetch,
): Promise<void> {
  const sdk = await import('@modelcontextprotocol/client')
  const endpoint = revocationEndpoint.safeParse(server.metadata).data?.revocation_endpoint
  if (endpoint === undefined) return
  const { headers, parameters } = await authentication(server, client)
  const body = new URLSearchParams({ token, token_type_hint: hint, ...parameters })
  await fetch(sdk.assertSecureTokenEndpoint(endpoint), { method: 'POST', headers, body })
}

/** How we present ourselves (RFC 6749 §2.3), where it is not the SDK that does it. */
export async function authentication(
  { metadata }: LoginServer,
  client: LoginClient,
): Promise<{ readonly headers: Headers; readonly parameters: Readonly<Record<string, string>> }> {
  const sdk = await import('@modelcontextprotocol/client')
  const { clientId: client_id, clientSecret: client_secret } = client
  const supported = metadata?.token_endpoint_auth_methods_supported ?? []
  const method = sdk.selectClientAuthMethod(clientInformation(client), supported)
  const headers = new Headers()
  if (client_secret === null || method === 'none') return { headers, parameters: { client_id } }
  if (method === 'client_secret_post') return { headers, parameters: { client_id, client_secret } }
  headers.set('authorization', `Basic ${btoa(`${client_id}:${client_secret}`)}`)
  return { headers, parameters: {} }
}

const revocationEndpoint = z.object({ revocation_endpoint: z.string() })

export function clientInformation({ clientId, clientSecret, authMethod }: LoginClient) {
  return {
    client_id: clientId,
    ...(clientSecret !== null && { client_secret: clientSecret }),
    ...(authMethod !== null && { token_endpoint_auth_method: authMethod }),
  }
}

export function metadataFor({ metadata }: LoginServer): { metadata?: AuthorizationServerMetadata } {
  return metadata === null ? {} : { metadata }
}

export function resourceOf({ resource }: LoginServer): { resource?: string } {
  return resource === null ? {} : { resource }
}
