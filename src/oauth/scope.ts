// Owns scopes: how they are written, and which includes which.

/** `<upstream>:read`: the upstream's read-only tools, its resources and its prompts. */
const READ = ':read'

/** Those that are about the person, not about a resource (OpenID Connect Core §5.4). */
export const IDENTITY_SCOPES: readonly string[] = ['openid', 'profile', 'email']

/** RFC 6749 §3.3: space-delimited, case-sensitive, without order; a repeated token counts once. */
export function parseScope(scope: string | undefined): ReadonlySet<string> {
  return new Set((scope ?? '').split(' ').filter((token) => token !== ''))
}

export function formatScope(scopes: Iterable<string>): string {
  return [...new Set(scopes)].join(' ')
}

export function readScope(upstream: string): string {
  return upstream + READ
}

/** `<upstream>`: everything at that upstream. */
export function fullScope(upstream: string): string {
  return upstream
}

/** The scopes that can be asked for at a resource: of each upstream, broadest first. */
export function scopesOf({ upstreams }: Offer): readonly string[] {
  return upstreams.flatMap(upstreamScopes)
}

/** What basic use of a resource needs: reading at each of its upstreams. */
export function readScopesOf({ upstreams }: Offer): readonly string[] {
  return upstreams.map(({ name }) => readScope(name))
}

/** The scopes of one upstream, broadest first. */
export function upstreamScopes({ name, toolScopes }: Offer['upstreams'][number]): readonly string[] {
  return [fullScope(name), ...toolScopes.map(({ scope }) => scope), readScope(name)]
}

/** Whether anything at all is granted at this upstream. */
export function hasAnyScope(granted: ReadonlySet<string>, upstream: Offer['upstreams'][number]): boolean {
  return upstreamScopes(upstream).some((scope) => granted.has(scope))
}

/** The part of a protected resource that says what can be granted. */
export interface Offer {
  readonly upstreams: readonly {
    readonly name: string
    readonly toolScopes: readonly { readonly scope: string }[]
  }[]
}

/** The upstream that a scope belongs to. */
export function upstreamOf(scope: string): string {
  const colon = scope.indexOf(':')
  return colon === -1 ? scope : scope.slice(0, colon)
}

/** A broader scope includes the narrower ones: `notes` includes `notes:read`. */
export function includes(granted: ReadonlySet<string>, needed: string): boolean {
  return granted.has(needed) || granted.has(upstreamOf(needed))
}

export function includesAll(granted: ReadonlySet<string>, needed: Iterable<string>): boolean {
  for (const scope of needed) if (!includes(granted, scope)) return false
  return true
}

/** What both allow: of a broader and a narrower scope, the narrower one. Without those that another one includes. */
export function intersection(one: ReadonlySet<string>, other: ReadonlySet<string>): ReadonlySet<string> {
  const both = new Set([...one, ...other].filter((scope) => includes(one, scope) && includes(other, scope)))
  return new Set([...both].filter((scope) => scope === upstreamOf(scope) || !both.has(upstreamOf(scope))))
}
