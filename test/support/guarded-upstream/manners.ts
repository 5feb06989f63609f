// Owns the manners of authorization servers that upstreams really have.

/**
 * `open`: registers anybody, knows resources, has all metadata (as Notion). `static`: no registration, no metadata at all, a
 * secret by post (as GitHub). `company`: metadata, no registration, refuses resource indicators, rotates refresh tokens and
 * revokes what is replayed (as a company's identity provider).
 */
export const MANNERS = ['open', 'static', 'company'] as const

export type Manner = (typeof MANNERS)[number]

export function isManner(text: string): text is Manner {
  return MANNERS.some((manner) => manner === text)
}

/** Who is registered by hand where nobody registers by itself. */
export const STATIC_CLIENT = { id: 'gatehouse', secret: 'planted-client-secret' }
