// Owns finding the authorization server of an upstream: as configured, or as the upstream and that server themselves say.

import type {
  AuthorizationServerMetadata,
  OAuthProtectedResourceMetadata,
} from '@modelcontextprotocol/client'
import type { GuardedFetch } from '../../http/guarded-fetch.ts'
import type { OAuth2Auth } from '../../oauth/upstream-auth.ts'
import { type Asked, challengeOf } from './challenge.ts'
import { OAuthFailure, saidBy } from './failure.ts'
import { PROOF_ALGORITHM } from './proofs.ts'

/** An authorization server, as far as a login at it needs. Kept with the tokens it gave, so that renewing asks nobody anew. */
export interface LoginServer {
  /** Exactly as its metadata says; null for a server without metadata. */
  readonly issuer: string | null
  /** Where it is; what there is to tell servers apart by when there is no issuer. */
  readonly url: string
  readonly metadata: AuthorizationServerMetadata | null
  /** What tokens are for (RFC 8707), exactly as the upstream spells it; null: not to be sent. */
  readonly resource: string | null
  /** To ask for; null: whatever it gives. */
  readonly scope: string | null
  /** The upstream says that it takes tokens that are bound to a key (RFC 9449 §7.1): not every one does whose server can bind them. */
  readonly takesProofs: boolean
}

/** What names a server: the issuer wherever there is one. */
export function serverKey({ issuer, url }: Pick<LoginServer, 'issuer' | 'url'>): string {
  return issuer ?? url
}

/** Rejects with an OAuthFailure that says what was missing, and what to configure instead. */
export async function discover(
  upstreamUrl: string,
  auth: OAuth2Auth,
  fetch: GuardedFetch,
): Promise<LoginServer> {
  const { authorizationEndpoint, tokenEndpoint, issuer, sendsResource } = auth
  if (tokenEndpoint !== null && (authorizationEndpoint !== null || isOurOwn(auth))) {
    // Where we log in as ourselves, nobody is sent there.
    const metadata = configuredMetadata(auth, authorizationEndpoint ?? tokenEndpoint, tokenEndpoint)
    const scope = chooseScope(auth, null, null)
    const resource = sendsResource ? upstreamUrl : null
    return { issuer, url: tokenEndpoint, metadata, resource, scope, takesProofs: false }
  }
  const asked = await challengeOf(upstreamUrl, fetch)
  const described = await resourceMetadataOf(upstreamUrl, asked, fetch)
  const [named] = described?.authorization_servers ?? []
  const scope = chooseScope(auth, asked.scope, described?.scopes_supported ?? null)
  const server = await serverAt(issuer ?? named ?? null, upstreamUrl, fetch)
  return {
    ...server,
    resource: sendsResource ? (described?.resource ?? null) : null,
    scope: isOurOwn(auth) ? scope : withOffline(scope, server.metadata?.scopes_supported),
    takesProofs: asked.takesProofs || (described !== null && describesProofs(described)),
  }
}

/** RFC 9728 §2. */
function describesProofs(described: OAuthProtectedResourceMetadata): boolean {
  const { dpop_signing_alg_values_supported: known = [], dpop_bound_access_tokens_required: required } =
    described
  return required === true || known.includes(PROOF_ALGORITHM)
}

function isOurOwn({ grant }: OAuth2Auth): boolean {
  return grant !== 'authorization_code'
}

/** MCP 2025-03-26: an upstream that names no server is its own, and may be without metadata. */
async function serverAt(
  named: string | null,
  upstreamUrl: string,
  fetch: GuardedFetch,
): Promise<Pick<LoginServer, 'issuer' | 'url' | 'metadata'>> {
  const sdk = await import('@modelcontextprotocol/client')
  const url = named ?? new URL('/', upstreamUrl).href
  const metadata = await sdk
    .discoverAuthorizationServerMetadata(url, { fetchFn: fetch })
    .catch((cause: unknown) => {
      throw new OAuthFailure(`${hostOf(url)} does not say how to log in: ${saidBy(cause)}`, cause)
    })
  if (metadata === undefined && named !== null)
    throw new OAuthFailure(
      `${hostOf(url)} has no metadata. Set authorization_endpoint and token_endpoint in "auth".`,
    )
  return { issuer: metadata?.issuer ?? null, url, metadata: metadata ?? null }
}

/** Null for an upstream without any. RFC 9728 §3.3: metadata about another resource is refused. */
async function resourceMetadataOf(upstreamUrl: string, { metadataUrl }: Asked, fetch: GuardedFetch) {
  const sdk = await import('@modelcontextprotocol/client')
  const options = metadataUrl === null ? {} : { resourceMetadataUrl: metadataUrl }
  const found = await sdk
    .discoverOAuthProtectedResourceMetadata(upstreamUrl, options, fetch)
    .catch((cause: unknown) => {
      // Not reached is not the same as not there: another server must not be taken for it.
      if (cause instanceof TypeError)
        throw new OAuthFailure(`The login cannot be found: ${saidBy(cause)}`, cause)
      return null
    })
  if (found === null) return null
  const requestedResource = sdk.resourceUrlFromServerUrl(upstreamUrl)
  if (sdk.checkResourceAllowed({ requestedResource, configuredResource: found.resource })) return found
  throw new OAuthFailure('The upstream says that its login is for another server.')
}

function configuredMetadata(
  auth: OAuth2Auth,
  authorization_endpoint: string,
  token_endpoint: string,
): AuthorizationServerMetadata {
  return {
    issuer: auth.issuer ?? new URL(token_endpoint).origin,
    authorization_endpoint,
    token_endpoint,
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    ...(auth.deviceEndpoint !== null && { device_authorization_endpoint: auth.deviceEndpoint }),
    ...(auth.revocationEndpoint !== null && { revocation_endpoint: auth.revocationEndpoint }),
  }
}

/** MCP, "Scope Selection Strategy"; what is configured wins. */
function chooseScope(
  { scopes }: OAuth2Auth,
  challenged: string | null,
  supported: readonly string[] | null,
): string | null {
  const scope = scopes?.join(' ') ?? challenged ?? supported?.join(' ') ?? ''
  return scope === '' ? null : scope
}

/** MCP, "Refresh Tokens": a connection is to last. */
function withOffline(scope: string | null, supported: readonly string[] | undefined): string | null {
  if (!supported?.includes('offline_access') || scope?.split(' ').includes('offline_access')) return scope
  return scope === null ? 'offline_access' : `${scope} offline_access`
}

export function hostOf(url: string): string {
  return URL.parse(url)?.host ?? 'The authorization server'
}
