// Owns the caller: what a validated access token says about who is calling (RFC 9068 §2.2).

export interface Caller {
  /** `sub`: the person, or the client itself when no person is involved. */
  readonly subject: string
  /** `client_id`. */
  readonly clientId: string
  /** `gid`: the grant the token was issued under; revoking it kills the token. Null for tokens without one. */
  readonly grantId: string | null
  readonly scopes: ReadonlySet<string>
  /** `groups` (RFC 9068 §2.2.3.1), and the address where the policy names it: see policy.ts. Empty where no person is involved. */
  readonly groups: ReadonlySet<string>
  /** `aud`: the one protected resource this token is for. */
  readonly resource: string
  /** `consented_at`, seconds since the epoch: tools that came later were not part of it. Null where nobody was asked. */
  readonly consentedAt: number | null
  /** `iat`, seconds since the epoch; 0 for a token that does not say. */
  readonly issuedAt: number
  /** `exp`, seconds since the epoch. */
  readonly expiresAt: number
}

/** Who presents an API key: like a caller, but at home wherever the scopes lead. */
export type KeyHolder = Omit<Caller, 'resource'>
