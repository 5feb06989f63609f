// Owns protected resources (RFC 8707, RFC 9728): a URL and nothing else identifies one, and one or several upstreams answer there.

const METADATA = '/.well-known/oauth-protected-resource'

/** A protected resource: one path of this origin, behind which one upstream answers or several do as one. */
export interface ProtectedResource {
  /** The identifier, exactly the URL a client is given: `https://gate.example/mcp/notes`. No trailing slash. */
  readonly identifier: string
  /** The path of that URL: `/mcp/notes`, or `/mcp`. */
  readonly path: string
  /** For people. */
  readonly title: string
  /** Never empty. */
  readonly upstreams: readonly OfferedUpstream[]
}

/** What is known of an upstream where access to it is asked for and granted. */
export interface OfferedUpstream {
  /** Also the root of its scopes. */
  readonly name: string
  /** For people. */
  readonly title: string
  /** What an operator has cut out of "everything": each covers some tools. */
  readonly toolScopes: readonly ToolScope[]
}

/** A scope for some tools of one upstream. */
export interface ToolScope {
  /** `<upstream>:<name>` */
  readonly scope: string
  /** For people. */
  readonly title: string
  /** Names of tools; a `*` stands for any characters. */
  readonly tools: readonly string[]
}

export function resourcePath(upstream?: string): string {
  return upstream === undefined ? '/mcp' : `/mcp/${upstream}`
}

/** RFC 9728 §3.1: the well-known part goes between host and path. */
export function metadataPath(resourcePath: string): string {
  return METADATA + resourcePath
}

export function metadataUrl(resource: ProtectedResource): string {
  const { origin, pathname } = new URL(resource.identifier)
  return origin + metadataPath(pathname)
}

/** A fragment, and what a URL parser leaves out without a word: control characters and spaces. */
const NOT_IN_A_RESOURCE = /[#\s\p{Cc}]/u

/**
 * The canonical spelling of a `resource` parameter: scheme and host in lower case, no default port, no trailing slash.
 * Null when it is not an absolute URI without a fragment (RFC 8707 §2).
 */
export function canonicalResource(value: string): string | null {
  if (NOT_IN_A_RESOURCE.test(value)) return null
  const url = URL.parse(value)
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) return null
  if (url.username !== '' || url.password !== '' || url.search !== '') return null
  return url.origin + url.pathname.replace(/\/+$/, '')
}
