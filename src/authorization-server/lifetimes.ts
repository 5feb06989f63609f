// Owns how long each thing that the authorization server issues is good for.

import type { Configuration } from 'oidc-provider'

export interface Lifetimes {
  readonly accessTokenTtlSeconds: number
  /** How long a refresh token may lie unused; each use starts it anew, up to the lifetime of the grant. */
  readonly refreshTokenTtlSeconds: number
}

const MINUTE = 60
const DAY = 24 * 60 * MINUTE

export const AUTHORIZATION_CODE_TTL_SECONDS = 60
/** From the first redirect to the last click of a person who had to look for a password. */
export const INTERACTION_TTL_SECONDS = 30 * MINUTE
export const SESSION_TTL_SECONDS = 14 * DAY
/** The absolute end of everything that came out of one consent. */
export const GRANT_TTL_SECONDS = 365 * DAY

export function ttl({
  accessTokenTtlSeconds,
  refreshTokenTtlSeconds,
}: Lifetimes): NonNullable<Configuration['ttl']> {
  return {
    AccessToken: accessTokenTtlSeconds,
    ClientCredentials: accessTokenTtlSeconds,
    AuthorizationCode: AUTHORIZATION_CODE_TTL_SECONDS,
    Grant: GRANT_TTL_SECONDS,
    IdToken: 10 * MINUTE,
    Interaction: INTERACTION_TTL_SECONDS,
    RefreshToken: refreshTokenTtlSeconds,
    Session: SESSION_TTL_SECONDS,
  }
}
