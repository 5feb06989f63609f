// Owns the manners of authorization servers that upstreams really have.

/**
 * `open`: registers anybody, knows resources, has all metadata (as Notion). `bound`: the same, with tokens that are bound to a
 * key, and nonces on both sides. `static`: no registration, no metadata at all, a
 * secret by post (as GitHub). `company`: metadata, no registration, refuses resource indicators, rotates refresh tokens and
 * revokes what is replayed (as a company's identity provider).
 */
export const MANNERS = ['open', 'bound', 'static', 'company'] as const

export type Manner = (typeof MANNERS)[number]

/** Registers anybody, and has all metadata. */
export function isOpen(manner: Manner): boolean {
  return manner === 'open' || manner === 'bound'
}

export function isManner(text: string): text is Manner {
  return MANNERS.some((manner) => manner === text)
}

/** Who is registered by hand where nobody registers by itself. */
export const STATIC_CLIENT = { id: 'gatehouse', secret: 'planted-client-secret' }
