// Owns the one error a client may learn from: an OAuth error code, a text for it, and a second text for the log.

export interface OAuthErrorOptions {
  /** HTTP status of the answer. */
  readonly status?: number
  /** For the log only. Neither text ever holds a token, a code or an address. */
  readonly detail?: string
  readonly cause?: unknown
}

/** RFC 6749 §5.2: what a client may be told. Everything else is a bug or an outage and becomes a 500 with a request id. */
export class OAuthError extends Error {
  readonly error: string
  readonly description: string
  readonly status: number
  readonly detail: string | undefined

  constructor(error: string, description: string, { status = 400, detail, cause }: OAuthErrorOptions = {}) {
    super(`${error}: ${description}`, { cause })
    this.name = 'OAuthError'
    this.error = error
    this.description = description
    this.status = status
    this.detail = detail
  }

  /** The body of RFC 6749 §5.2. */
  toJSON(): { error: string; error_description: string } {
    return { error: this.error, error_description: this.description }
  }
}
