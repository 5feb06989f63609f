// Owns why a login at an upstream, or its renewal, did not work out.

/**
 * The message is for people: our own words, with at most the name of a host in it. Of what caused it only the kind is kept:
 * a server may repeat in its error what it was sent, and that is no text for a log.
 */
export class OAuthFailure extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause: kindOf(cause) })
    this.name = 'OAuthFailure'
  }
}

/** The authorization server does not accept what we present any more, and never will again. */
export class LoginEnded extends OAuthFailure {
  constructor(message: string, cause?: unknown) {
    super(message, cause)
    this.name = 'LoginEnded'
  }
}

/** The authorization server does not let us in as ourselves: somebody has to change what is configured, here or there. */
export class LoginRefused extends OAuthFailure {
  constructor(message: string, cause?: unknown) {
    super(message, cause)
    this.name = 'LoginRefused'
  }
}

/** The authorization server does not know us as this client, or not with this secret: that says nothing about whose login it was. */
export class ClientRefused extends OAuthFailure {
  constructor(message: string, cause?: unknown) {
    super(message, cause)
    this.name = 'ClientRefused'
  }
}

/** What a person is told of an error: of what is no login that failed, nothing. */
export function whyFor(error: unknown): string {
  return error instanceof OAuthFailure ? error.message : 'Something went wrong. Try again.'
}

/** Our own words about a connection; of anybody else's error only its kind. */
export function saidBy(cause: unknown): string {
  if (cause instanceof TypeError) return cause.message
  return cause instanceof Error && cause.name === 'IssuerMismatchError'
    ? 'its metadata is about another issuer.'
    : 'its metadata cannot be read.'
}

/** RFC 6749 §4.1.2.1 and §5.2, RFC 7591 §3.2.2, RFC 8628 §3.5, RFC 8707 §2, RFC 9449 §5; any other word is not ours to repeat. */
const CODES: ReadonlySet<unknown> = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_type',
  'invalid_scope',
  'invalid_target',
  'access_denied',
  'server_error',
  'temporarily_unavailable',
  'invalid_redirect_uri',
  'invalid_client_metadata',
  'invalid_software_statement',
  'unapproved_software_statement',
  'expired_token',
  'use_dpop_nonce',
  'invalid_dpop_proof',
])

function kindOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined
  // From our own fetch: the host, and why it could not be asked.
  if (cause instanceof TypeError && cause.cause !== undefined) return cause.message
  return 'code' in cause && CODES.has(cause.code) ? `${cause.name}: ${cause.code}` : cause.name
}
