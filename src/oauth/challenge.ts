// Owns the WWW-Authenticate challenges of the protected resources (RFC 6750 §3, RFC 9728 §5.1).

export interface Challenge {
  /** URL of the protected resource metadata. */
  readonly metadata: string
  /** Every scope the operation needs, space-delimited. */
  readonly scope: string
  /** Absent when no token was sent (RFC 6750 §3.1). */
  readonly error?: 'invalid_token' | 'insufficient_scope' | 'invalid_request' | 'invalid_dpop_proof'
  readonly description?: string
  /** What the error is about; `Bearer` unless the token came with a proof (RFC 9449 §7.1). */
  readonly scheme?: 'Bearer' | 'DPoP'
  /** The algorithms of the proofs that are accepted instead; absent where that need not be said. */
  readonly proofAlgorithms?: readonly string[]
}

/**
 * The header's value. `Bearer` comes first and `scope` before any text, because clients in the field read it with
 * unanchored regular expressions.
 */
export function formatChallenge(challenge: Challenge): string {
  const { metadata, scope, scheme = 'Bearer', proofAlgorithms } = challenge
  const [error, description] = errorOf(challenge)
  const [bearerError, bearerDescription] = scheme === 'Bearer' ? [error, description] : [[], []]
  const bearer = [
    ...bearerError,
    `resource_metadata="${quotable(metadata)}"`,
    `scope="${quotable(scope)}"`,
    ...bearerDescription,
  ]
  if (!proofAlgorithms) return `Bearer ${bearer.join(', ')}`
  const dpop = [
    ...(scheme === 'DPoP' ? [...error, ...description] : []),
    `algs="${proofAlgorithms.join(' ')}"`,
  ]
  return `Bearer ${bearer.join(', ')}, DPoP ${dpop.join(', ')}`
}

function errorOf({ error, description }: Challenge): readonly [readonly string[], readonly string[]] {
  return [
    error ? [`error="${error}"`] : [],
    description ? [`error_description="${quotable(description)}"`] : [],
  ]
}

/** RFC 9110 §5.6.4 without escapes: no client in the field undoes them. */
function quotable(value: string): string {
  return value.replace(/[^\x20-\x7e]|["\\]/g, '')
}
