// Owns which client ID metadata documents are accepted (draft-ietf-oauth-client-id-metadata-document-02), and for how long.

import { LRUCache } from 'lru-cache'
import type { Configuration } from 'oidc-provider'
import { literalAddress, outboundTarget } from '../http/outbound-target.ts'
import { isLoopbackRedirect, redirectHost } from './redirect-uris.ts'

const KILOBYTE = 1024
const SHORTEST_CACHE_SECONDS = 30
const LONGEST_CACHE_SECONDS = 24 * 60 * 60
/** A path that is more than `/`, since a whole host is not one client; and a query, which is discouraged. */
const PATH = /^https:\/\/[^/?#]+(\/[^?#][^#]*)$/i
const NOTICED_CLIENTS = 500

export interface ClientDocumentRules {
  /** PUBLIC_URL: our own documents identify no client. */
  readonly publicUrl: string
  /** Domains that documents may come from, with everything below them; absent for all. */
  readonly domains?: readonly string[]
  /** Told once about a client whose codes go to other sites than its document is from. Legitimate, and worth a line. */
  readonly onForeignRedirects?: (clientId: string, hosts: readonly string[]) => void
}

type Features = NonNullable<Configuration['features']>

/** oidc-provider's feature. It checks the document itself; this decides about the URL, and bounds its own cache. */
export function clientDocuments(
  rules: ClientDocumentRules,
): NonNullable<Features['clientIdMetadataDocument']> {
  const noticed = new LRUCache<string, true>({ max: NOTICED_CLIENTS })
  return {
    enabled: true,
    ack: 'draft-02',
    allowFetch: (_ctx, clientId) => isAcceptableClientId(clientId, rules),
    allowClient: (_ctx, { clientId, redirectUris }) => {
      const hosts = foreignRedirectHosts(clientId, redirectUris ?? [])
      if (hosts.length > 0 && !noticed.has(clientId)) rules.onForeignRedirects?.(clientId, hosts)
      noticed.set(clientId, true)
      return true
    },
    cacheDuration: { min: SHORTEST_CACHE_SECONDS, max: LONGEST_CACHE_SECONDS },
  }
}

/** For oidc-provider's `fetchResponseBodyLimits`: every kind of document that it fetches. */
export const DOCUMENT_LIMITS = {
  // draft §6.6
  'client_id metadata document': 5 * KILOBYTE,
  jwks_uri: 64 * KILOBYTE,
  sector_identifier_uri: 5 * KILOBYTE,
} as const

/** draft §3: an https URL with a path, no dot segments, no fragment, no user name; here also a public host name and port 443. */
export function isAcceptableClientId(clientId: string, { publicUrl, domains }: ClientDocumentRules): boolean {
  const url = outboundTarget(clientId, new URL(publicUrl).hostname)
  if (url === null || literalAddress(url.hostname) !== null) return false
  // What the URL parser would change in the path (dot segments) makes two spellings of one client.
  if (PATH.exec(clientId)?.[1] !== url.pathname + url.search) return false
  return domains === undefined || domains.some((domain) => isWithin(url.hostname, domain))
}

/** By whole labels: `example.com` has `app.example.com` below it, not `evilexample.com`. */
function isWithin(hostname: string, domain: string): boolean {
  const parent = domain.toLowerCase()
  return hostname === parent || hostname.endsWith(`.${parent}`)
}

/** The hosts that codes go to, beyond this computer and the site that published the document. */
export function foreignRedirectHosts(clientId: string, redirectUris: readonly string[]): readonly string[] {
  const site = siteOf(new URL(clientId).hostname)
  const hosts = redirectUris
    .filter((uri) => uri.startsWith('https:') && !isLoopbackRedirect(uri))
    .map(redirectHost)
    .filter((host) => siteOf(host) !== site)
  return [...new Set(hosts)]
}

/** The last two labels: close enough to a registrable domain for a note in the log, and for nothing else. */
function siteOf(host: string): string {
  return host.replace(/:\d+$/, '').split('.').slice(-2).join('.')
}
