// Owns how long each thing that the authorization server issues is good for.

import type { Configuration, Session } from 'oidc-provider'

export interface Lifetimes {
  readonly accessTokenTtlSeconds: number
  /** How long a refresh token may lie unused; each use starts it anew, up to the lifetime of the grant. */
  readonly refreshTokenTtlSeconds: number
  /** A browser that stays away this long has to sign in again. */
  readonly sessionIdleSeconds: number
  /** Counted from signing in, however often the browser comes. */
  readonly sessionMaxSeconds: number
}

const MINUTE = 60
const DAY = 24 * 60 * MINUTE

export const AUTHORIZATION_CODE_TTL_SECONDS = 60
/** From the first redirect to the last click of a person who had to look for a password. */
export const INTERACTION_TTL_SECONDS = 30 * MINUTE
/** RFC 8628 §3.2: time to find another device, open a page and sign in. */
const DEVICE_CODE_TTL_SECONDS = 10 * MINUTE
/** The absolute end of everything that came out of one consent. */
const GRANT_TTL_SECONDS = 365 * DAY

export function ttl(lifetimes: Lifetimes): NonNullable<Configuration['ttl']> {
  const { accessTokenTtlSeconds, refreshTokenTtlSeconds } = lifetimes
  return {
    AccessToken: accessTokenTtlSeconds,
    ClientCredentials: accessTokenTtlSeconds,
    AuthorizationCode: AUTHORIZATION_CODE_TTL_SECONDS,
    DeviceCode: DEVICE_CODE_TTL_SECONDS,
    Grant: GRANT_TTL_SECONDS,
    IdToken: 10 * MINUTE,
    Interaction: INTERACTION_TTL_SECONDS,
    RefreshToken: refreshTokenTtlSeconds,
    Session: (_ctx, session) => sessionTtl(session, lifetimes),
  }
}

/** How long a session is good for that is used now: the idle limit, or what is left until the absolute one. */
export function sessionTtl(
  { loginTs }: Pick<Session, 'loginTs'>,
  { sessionIdleSeconds, sessionMaxSeconds }: Pick<Lifetimes, 'sessionIdleSeconds' | 'sessionMaxSeconds'>,
  now: number = Math.floor(Date.now() / 1000),
): number {
  if (loginTs === undefined) return INTERACTION_TTL_SECONDS
  return Math.max(1, Math.min(sessionIdleSeconds, loginTs + sessionMaxSeconds - now))
}
