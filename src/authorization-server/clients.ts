// Owns how clients come to be known: dynamic registration and client ID metadata documents, as far as REGISTRATION allows.

import type { Configuration } from 'oidc-provider'
import type { OutboundFetch } from '../http/outbound.ts'
import { clientDocuments, DOCUMENT_LIMITS } from './client-documents.ts'
import { type ClientMetadataRules, clientDefaults, extraClientMetadata } from './client-metadata.ts'
import { DEVICE_GRANT } from './device-flow.ts'
import { CLIENT_CREDENTIALS, JWT_BEARER } from './grants/names.ts'
import type { TrustedIssuers } from './grants/trusted-issuers.ts'
import { SIGNING_ALGORITHM, SIGNING_ALGORITHMS } from './key-schedule.ts'
import { KNOWN_SCHEMES } from './redirect-uris.ts'
import type { Registrations } from './registrations.ts'

export interface ClientPolicy {
  /** PUBLIC_URL. */
  readonly issuer: string
  readonly registration: 'open' | 'cimd' | 'dcr' | 'token' | 'off'
  /** The only hosts and schemes that codes may go to; null for all. */
  readonly allowedRedirectHosts: readonly string[] | null
  /** The only domains that metadata documents may come from; null for all. */
  readonly allowedClientDomains: readonly string[] | null
  /** Fetches what strangers name: metadata documents, and the keys that they name. */
  readonly outboundFetch: OutboundFetch
  /** Told once about a client whose codes go to other sites than its document is from. */
  readonly onForeignRedirects: (clientId: string, hosts: readonly string[]) => void
  /** Identity providers whose assertions may name a client by its document. */
  readonly trustedIssuers: TrustedIssuers
}

/** The two ways in which a stranger can become known (RFC 7591; draft-ietf-oauth-client-id-metadata-document). */
const REGISTER: ReadonlySet<ClientPolicy['registration']> = new Set(['open', 'dcr', 'token'])
const PUBLISH: ReadonlySet<ClientPolicy['registration']> = new Set(['open', 'cimd', 'token'])

/** Those that end at a person's consent. */
const GRANT_TYPES: readonly string[] = ['authorization_code', 'refresh_token', DEVICE_GRANT]

export const ID_TOKENS = {
  idTokenAlgorithm: SIGNING_ALGORITHM,
  idTokenAlgorithms: SIGNING_ALGORITHMS,
} as const

/** What becomes of the metadata that strangers send. */
export function clientRules({
  issuer,
  registration,
  allowedRedirectHosts,
  trustedIssuers,
}: Pick<
  ClientPolicy,
  'issuer' | 'registration' | 'allowedRedirectHosts' | 'trustedIssuers'
>): ClientMetadataRules {
  const asserted = trustedIssuers.any ? [JWT_BEARER] : []
  return {
    publicUrl: issuer,
    grantTypes: GRANT_TYPES,
    vouchedGrantTypes: registration === 'token' ? [CLIENT_CREDENTIALS, ...asserted] : [],
    documentGrantTypes: asserted,
    ...ID_TOKENS,
    ...(allowedRedirectHosts && {
      redirectHosts: allowedRedirectHosts,
      // Who names a scheme means that its app may register.
      redirectSchemes: [...KNOWN_SCHEMES, ...allowedRedirectHosts.map((host) => host.replace(/:$/, ''))],
    }),
  }
}

export function clientConfiguration(policy: ClientPolicy, registrations: Registrations) {
  const { issuer: publicUrl, registration, outboundFetch, onForeignRedirects, allowedClientDomains } = policy
  const rules = clientRules(policy)
  const domains = allowedClientDomains === null ? {} : { domains: allowedClientDomains }
  return {
    fetch: outboundFetch,
    fetchResponseBodyLimits: DOCUMENT_LIMITS,
    clientDefaults: clientDefaults(rules),
    extraClientMetadata: extraClientMetadata(rules),
    features: {
      registration: {
        enabled: REGISTER.has(registration),
        // Registrations are not managed by clients, so nobody gets a token for it (RFC 7592).
        issueRegistrationAccessToken: false,
        idFactory: ({ req }) => registrations.idFor(req),
      },
      registrationManagement: { enabled: false },
      clientIdMetadataDocument: PUBLISH.has(registration)
        ? clientDocuments({ publicUrl, onForeignRedirects, ...domains })
        : { enabled: false },
    },
  } satisfies Configuration
}
