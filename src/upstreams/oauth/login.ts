// Owns the two halves of a login at an upstream's authorization server, before and after the browser was there.

import * as z from 'zod'
import type { OAuth2Auth } from '../../oauth/upstream-auth.ts'
import { hostOf, type LoginServer } from './discovery.ts'
import { ClientRefused, OAuthFailure } from './failure.ts'
import { type ProofKey, thumbprintOf } from './proofs.ts'
import type { LoginClient } from './registration.ts'
import { clientInformation, type Reach, requestTokens } from './token-endpoint.ts'
import { type Granted, metadataFor, refusesClient, resourceOf, toGranted } from './tokens.ts'

/** What the callback needs of what went before. */
export interface PendingLogin {
  readonly server: LoginServer
  readonly client: LoginClient
  readonly redirectUri: string
  readonly verifier: string
  /** What its tokens are to be bound to. */
  readonly key: ProofKey | null
}

export interface StartedLogin {
  /** Without `state`, which is added by who keeps the rest. */
  readonly url: URL
  readonly pending: PendingLogin
}

export async function start(
  server: LoginServer,
  client: LoginClient,
  redirectUri: string,
  { audience }: OAuth2Auth,
  key: ProofKey | null,
): Promise<StartedLogin> {
  const sdk = await import('@modelcontextprotocol/client')
  const { authorizationUrl: url, codeVerifier: verifier } = await sdk
    .startAuthorization(server.url, {
      ...metadataFor(server),
      clientInformation: clientInformation(client),
      redirectUrl: redirectUri,
      ...(server.scope !== null && { scope: server.scope }),
      ...resourceOf(server),
    })
    .catch((cause: unknown) => {
      throw new OAuthFailure(`${hostOf(server.url)} cannot be used: it lacks code flow with PKCE.`, cause)
    })
  // A browser is about to be sent there.
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new OAuthFailure(`${hostOf(server.url)} names no web page to log in at.`)
  if (audience !== null) url.searchParams.set('audience', audience)
  // RFC 9449 §10: the code is of use to nobody else already.
  if (key !== null) url.searchParams.set('dpop_jkt', thumbprintOf(key))
  return { url, pending: { server, client, redirectUri, verifier, key } }
}

const callback = z.object({
  code: z.string().optional(),
  iss: z.string().optional(),
  error: z.string().optional(),
})

/** `parameters`: of the callback. Rejects with an OAuthFailure. */
export async function finish(
  { server, client, redirectUri, verifier, key }: PendingLogin,
  parameters: URLSearchParams,
  reach: Reach,
): Promise<Granted> {
  const sdk = await import('@modelcontextprotocol/client')
  const { code, iss, error } = callback.parse(Object.fromEntries(parameters))
  // RFC 9207 §2.4: before anything else, and for errors too, or another server could speak for this one.
  try {
    sdk.validateAuthorizationResponseIssuer({
      iss,
      expectedIssuer: server.issuer ?? undefined,
      issParameterSupported: server.metadata?.authorization_response_iss_parameter_supported === true,
    })
  } catch (cause) {
    throw new OAuthFailure('The answer did not come from the server that was asked.', cause)
  }
  if (error === 'access_denied') throw new OAuthFailure(`Access was denied at ${hostOf(server.url)}.`)
  if (code === undefined) throw new OAuthFailure(`${hostOf(server.url)} could not log you in.`)
  const asked = {
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: redirectUri,
    resource: server.resource,
  }
  const tokens = await requestTokens(server, client, asked, reach, key).catch((cause: unknown) => {
    const host = hostOf(server.url)
    if (refusesClient(cause)) throw new ClientRefused(`${host} does not let Gatehouse in. Try again.`, cause)
    throw new OAuthFailure(`${host} did not accept the login.`, cause)
  })
  return toGranted(tokens, server.scope, key)
}
