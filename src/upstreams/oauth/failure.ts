// Owns why a login at an upstream, or its renewal, did not work out.

/** The message is for people: our own words, with at most the name of a host in it. */
export class OAuthFailure extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
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
