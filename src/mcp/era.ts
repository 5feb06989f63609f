// Owns the two eras of the protocol: modern is 2026-07-28 and later, legacy what came before.

export type Era = 'modern' | 'legacy'

/** The first revision without sessions, in which each request describes itself. */
const FIRST_MODERN = '2026-07-28'
/** The one revision with batches, and the one that a request without the header speaks. */
const WITH_BATCHES = '2025-03-26'

/** Newest first: what the bridge speaks itself, to clients and to upstreams. */
export const MODERN_REVISIONS = [FIRST_MODERN] as const
export const LEGACY_REVISIONS = ['2025-11-25', '2025-06-18', '2025-03-26'] as const
/** What clients may speak in a session: programs of the first revision come over Streamable HTTP too, by an adapter. */
export const SESSION_REVISIONS = [...LEGACY_REVISIONS, '2024-11-05'] as const

/** By the `MCP-Protocol-Version` header. Revisions are dates and compare as texts; so do the drafts that follow them. */
export function isModern(version: string | undefined): boolean {
  return version !== undefined && version >= FIRST_MODERN
}

export function hasBatches(version: string | undefined): boolean {
  return version === undefined || version === WITH_BATCHES
}
