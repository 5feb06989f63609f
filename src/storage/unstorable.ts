// Owns telling text that PostgreSQL cannot keep from a mistake of ours: somebody sent the character NUL.

/** In a text, and escaped in JSON. */
const SQLSTATES: ReadonlySet<unknown> = new Set(['22021', '22P05'])

export function isUnstorable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && SQLSTATES.has(error.code)
}
