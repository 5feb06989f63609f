// Owns who we are to an authorization server: configured, our own metadata document, or a registration that is kept.

import type { GuardedFetch } from '../../http/guarded-fetch.ts'
import type { ClientKey, OAuth2Auth } from '../../oauth/upstream-auth.ts'
import type { Database } from '../../storage/database.ts'
import type { Keyring } from '../../storage/sealing.ts'
import * as registrations from '../../storage/upstream-registrations.ts'
import { hostOf, type LoginServer, serverKey } from './discovery.ts'
import { OAuthFailure } from './failure.ts'

/** What presents itself at the token endpoint. */
export interface LoginClient {
  readonly clientId: string
  readonly clientSecret: string | null
  /** Instead of a secret. */
  readonly key: ClientKey | null
  /** As registered; null: whatever fits. */
  readonly authMethod: string | null
  /** The kept registration, when it is one. */
  readonly registrationId: string | null
}

export interface RegistrationNeeds {
  readonly db: Database
  readonly keyring: Keyring
  readonly fetch: GuardedFetch
  /** PUBLIC_URL. */
  readonly publicUrl: string
}

/** MCP, "Client ID Metadata Documents": where ours is. */
export const CLIENT_DOCUMENT_PATH = '/connect/-/client.json'

/** RFC 8628 §3.4. */
export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

/** What a client is wanted for. */
export interface Use {
  readonly redirectUri: string
  /** Without a browser here: servers that know no such grant refuse who registers for it, so that is another client. */
  readonly isDevice: boolean
}

/** As in our document and in each registration. */
export function clientMetadata(publicUrl: string, redirectUri: string) {
  return {
    client_name: `Gatehouse at ${new URL(publicUrl).host}`,
    client_uri: publicUrl,
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: isLoopback(publicUrl) ? 'native' : 'web',
  }
}

/** The order of the MCP specification, "Client Registration Approaches". */
export async function identify(
  server: LoginServer,
  auth: OAuth2Auth,
  use: Use,
  needs: RegistrationNeeds,
): Promise<LoginClient> {
  if (auth.clientId !== null)
    return {
      clientId: auth.clientId,
      clientSecret: auth.clientSecret,
      key: auth.clientKey,
      authMethod: null,
      registrationId: null,
    }
  const document = `${needs.publicUrl}${CLIENT_DOCUMENT_PATH}`
  const { metadata } = server
  const mustRegister = use.isDevice && metadata?.registration_endpoint !== undefined
  if (metadata?.client_id_metadata_document_supported === true && isReachable(document) && !mustRegister)
    return { clientId: document, clientSecret: null, key: null, authMethod: 'none', registrationId: null }
  const { db, keyring } = needs
  const kept = await registrations.find(db, keyring, serverKey(server), keptAs(use))
  return asClient(kept ?? (await register(server, use, needs)))
}

function keptAs({ redirectUri, isDevice }: Use): string {
  return isDevice ? `${DEVICE_GRANT} ${redirectUri}` : redirectUri
}

async function register(
  server: LoginServer,
  use: Use,
  { db, keyring, fetch, publicUrl }: RegistrationNeeds,
): Promise<registrations.UpstreamRegistration> {
  const sdk = await import('@modelcontextprotocol/client')
  const { metadata } = server
  if (metadata && metadata.registration_endpoint === undefined) throw noRegistration(server)
  const made = await sdk
    .registerClient(server.url, {
      ...(metadata && { metadata }),
      clientMetadata: {
        ...metadataOf(publicUrl, use),
        token_endpoint_auth_method: preferredMethod(metadata?.token_endpoint_auth_methods_supported),
        ...(server.scope !== null && { scope: server.scope }),
      },
      fetchFn: fetch,
    })
    .catch((cause: unknown) => {
      throw new OAuthFailure(`${hostOf(server.url)} did not register Gatehouse as a client.`, cause)
    })
  const { client_id: clientId, client_secret: clientSecret = null, client_secret_expires_at: until } = made
  const { token_endpoint_auth_method } = made
  return registrations.keep(db, keyring, {
    issuer: serverKey(server),
    redirectUri: keptAs(use),
    clientId,
    clientSecret,
    metadata: { token_endpoint_auth_method },
    // RFC 7591 §3.2.1: 0 is never.
    expiresAt: clientSecret !== null && until ? new Date(until * 1000) : null,
  })
}

function metadataOf(publicUrl: string, { redirectUri, isDevice }: Use) {
  const metadata = clientMetadata(publicUrl, redirectUri)
  return isDevice ? { ...metadata, grant_types: [...metadata.grant_types, DEVICE_GRANT] } : metadata
}

function asClient({ id, clientId, clientSecret, metadata }: registrations.UpstreamRegistration): LoginClient {
  const { token_endpoint_auth_method: method } = metadata
  return {
    clientId,
    clientSecret,
    key: null,
    authMethod: typeof method === 'string' ? method : null,
    registrationId: id,
  }
}

/** A server keeps a secret where it can, so it has one; else none is better than one that everybody knows. */
function preferredMethod(supported: readonly string[] = []): string {
  const wanted = ['client_secret_basic', 'client_secret_post', 'none']
  return wanted.find((method) => supported.includes(method)) ?? 'client_secret_basic'
}

function noRegistration(server: LoginServer): OAuthFailure {
  return new OAuthFailure(
    `${hostOf(server.url)} registers nobody by itself. Register Gatehouse there, and set client_id (and client_secret) in "auth".`,
  )
}

/** Whether somebody out there can fetch it: over https, from a host with a name. */
function isReachable(url: string): boolean {
  return url.startsWith('https:') && !isLoopback(url)
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname.endsWith('.localhost') || /^(127\.|\[::1\])/.test(hostname)
}
