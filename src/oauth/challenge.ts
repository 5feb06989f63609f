// Owns the WWW-Authenticate challenges of the protected resources (RFC 6750 §3, RFC 9728 §5.1).

export interface Challenge {
  /** URL of the protected resource metadata. */
  readonly metadata: string
  /** Every scope the operation needs, space-delimited. */
  readonly scope: string
  /** Absent when no token was sent (RFC 6750 §3.1). */
  readonly error?: 'invalid_token' | 'insufficient_scope' | 'invalid_request'
  readonly description?: string
}

/**
 * The header's value. `Bearer` comes first and `scope` before any text, because clients in the field read it with
 * unanchored regular expressions.
 */
export function formatChallenge({ metadata, scope, error, description }: Challenge): string {
  const parameters = [
    ...(error ? [`error="${error}"`] : []),
    `resource_metadata="${quotable(metadata)}"`,
    `scope="${quotable(scope)}"`,
    ...(description ? [`error_description="${quotable(description)}"`] : []),
  ]
  return `Bearer ${parameters.join(', ')}`
}

/** RFC 9110 §5.6.4 without escapes: no client in the field undoes them. */
function quotable(value: string): string {
  return value.replace(/[^\x20-\x7e]|["\\]/g, '')
}
