// Owns which errors say that a connection went away: it was an old one, or the upstream is just being started anew.

/** After a timeout nobody waits again, so that is none of them. */
const GONE: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

export function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && GONE.has(error.code)
}
