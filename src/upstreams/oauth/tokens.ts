// Owns tokens of upstreams as they are kept, renewed and given back.

import type { AuthorizationServerMetadata } from '@modelcontextprotocol/client'
import * as z from 'zod'
import type { GuardedFetch } from '../../http/guarded-fetch.ts'
import { parseScope } from '../../oauth/scope.ts'
import { hostOf, type LoginServer } from './discovery.ts'
import { ClientRefused, LoginEnded, OAuthFailure } from './failure.ts'
import type { ProofKey } from './proofs.ts'
import type { LoginClient } from './registration.ts'
import { authentication, type Reach, requestTokens, TokenRefusal, type Tokens } from './token-endpoint.ts'

export interface Granted {
  readonly accessToken: string
  readonly refreshToken: string | null
  readonly scopes: ReadonlySet<string>
  /** Null: the server does not say. */
  readonly goodUntil: Date | null
  /** To the key that it was asked for with (RFC 9449 §5): nobody else can use it. */
  readonly isBound: boolean
}

/** RFC 6750 §2.1; what cannot stand in a header is no token. */
const TOKEN = /^[\x21-\x7e]{1,16384}$/

/** `key`: what it was asked to be bound to; a server may give one that is not (RFC 9449 §5). */
export function toGranted(tokens: Tokens, asked: string | null, key: ProofKey | null = null): Granted {
  const { access_token: accessToken, refresh_token: refreshToken = null, expires_in: seconds } = tokens
  if (!TOKEN.test(accessToken) || (refreshToken !== null && refreshToken.length > 16384))
    throw new OAuthFailure('The server gave a token that cannot be sent.')
  const type = tokens.token_type.toLowerCase()
  if (type !== 'bearer' && !(type === 'dpop' && key !== null))
    throw new OAuthFailure('The server gave a token of a kind that is not known here.')
  return {
    accessToken,
    refreshToken,
    scopes: parseScope(tokens.scope ?? asked ?? ''),
    goodUntil: seconds === undefined ? null : new Date(Date.now() + seconds * 1000),
    isBound: type === 'dpop',
  }
}

/** Rejects with LoginEnded when the server says that it is over, with another OAuthFailure when it may work later. */
export async function renew(
  server: LoginServer,
  client: LoginClient,
  refreshToken: string,
  reach: Reach,
  key: ProofKey | null,
): Promise<Granted> {
  const asked = { grant_type: 'refresh_token', refresh_token: refreshToken, resource: server.resource }
  const tokens = await requestTokens(server, client, asked, reach, key).catch((cause: unknown) => {
    const host = hostOf(server.url)
    if (refusesClient(cause)) throw new ClientRefused(`${host} does not let Gatehouse in.`, cause)
    if (cause instanceof TokenRefusal && cause.code === 'invalid_grant')
      throw new LoginEnded(`${host} ended the login.`, cause)
    throw new OAuthFailure(`${host} does not renew the login at the moment.`, cause)
  })
  // RFC 6749 §6: without a new scope it is the old one, which the caller keeps.
  return toGranted(tokens, null, key)
}

/** RFC 6749 §5.2. */
export function refusesClient(cause: unknown): boolean {
  return (
    cause instanceof TokenRefusal && (cause.code === 'invalid_client' || cause.code === 'unauthorized_client')
  )
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

const revocationEndpoint = z.object({ revocation_endpoint: z.string() })

export function metadataFor({ metadata }: LoginServer): { metadata?: AuthorizationServerMetadata } {
  return metadata === null ? {} : { metadata }
}

export function resourceOf({ resource }: LoginServer): { resource?: string } {
  return resource === null ? {} : { resource }
}
