// Owns what a challenge of somebody else's says is missing: more scope than a token has (RFC 6750 §3.1).

const TOO_LITTLE = /\berror="?insufficient_scope\b/i
const SCOPE = /(?:^|[\s,])scope="([\x20\x21\x23-\x5b\x5d-\x7e]{1,1024})"/i

/** `header`: `WWW-Authenticate` of an answer. Null for one that asks for nothing that could be given. */
export function wantedScope(status: number | undefined, header: unknown): string | null {
  if (status !== 403 || typeof header !== 'string' || !TOO_LITTLE.test(header)) return null
  const scope = SCOPE.exec(header)?.[1]?.trim() ?? ''
  return scope === '' ? null : scope
}
