// Owns how clients come to be known: dynamic registration and client ID metadata documents, as far as REGISTRATION allows.

import type { Configuration } from 'oidc-provider'
import type { OutboundFetch } from '../http/outbound.ts'
import { clientDocuments, DOCUMENT_LIMITS } from './client-documents.ts'
import { clientDefaults, extraClientMetadata } from './client-metadata.ts'
import { DEVICE_GRANT } from './device-flow.ts'
import { CLIENT_CREDENTIALS, JWT_BEARER } from './grants/names.ts'
import type { TrustedIssuers } from './grants/trusted-issuers.ts'
import { SIGNING_ALGORITHM, SIGNING_ALGORITHMS } from './key-schedule.ts'

export interface ClientPolicy {
  /** PUBLIC_URL. */
  readonly issuer: string
  readonly registration: 'open' | 'cimd' | 'token' | 'off'
  /** Who presents one of these may register; null: no token is asked for. */
  readonly initialAccessTokens: readonly string[] | null
  /** Fetches what strangers name: metadata documents, and the keys that they name. */
  readonly outboundFetch: OutboundFetch
  /** Told once about a client whose codes go to other sites than its document is from. */
  readonly onForeignRedirects: (clientId: string, hosts: readonly string[]) => void
  /** Identity providers whose assertions may name a client by its document. */
  readonly trustedIssuers: TrustedIssuers
}

/** Those that end at a person's consent. */
const GRANT_TYPES: readonly string[] = ['authorization_code', 'refresh_token', DEVICE_GRANT]

export function clientConfiguration(policy: ClientPolicy) {
  const { issuer: publicUrl, registration, outboundFetch, onForeignRedirects, trustedIssuers } = policy
  const asserted = trustedIssuers.any ? [JWT_BEARER] : []
  const rules = {
    publicUrl,
    grantTypes: GRANT_TYPES,
    vouchedGrantTypes: registration === 'token' ? [CLIENT_CREDENTIALS, ...asserted] : [],
    documentGrantTypes: asserted,
    idTokenAlgorithm: SIGNING_ALGORITHM,
    idTokenAlgorithms: SIGNING_ALGORITHMS,
  } as const
  return {
    fetch: outboundFetch,
    fetchResponseBodyLimits: DOCUMENT_LIMITS,
    clientDefaults: clientDefaults(rules),
    extraClientMetadata: extraClientMetadata(rules),
    features: {
      registration: {
        enabled: registration === 'open' || registration === 'token',
        // Registrations are not managed by clients, so nobody gets a token for it (RFC 7592).
        issueRegistrationAccessToken: false,
      },
      registrationManagement: { enabled: false },
      clientIdMetadataDocument:
        registration === 'off' ? { enabled: false } : clientDocuments({ publicUrl, onForeignRedirects }),
    },
  } satisfies Configuration
}
