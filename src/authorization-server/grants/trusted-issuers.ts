// Owns whose assertions are believed: the identity providers that the operator configured, and their keys.

import {
  compactVerify,
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  type JWTHeaderParameters,
  errors as joseErrors,
} from 'jose'
import { errors } from 'oidc-provider'
import type { OutboundFetch } from '../../http/outbound.ts'

export interface TrustedIssuer {
  readonly name: string
  /** `iss`, exactly. */
  readonly issuer: string
  readonly jwksUri: string
  /** Domains of addresses that it may speak for; empty for all. */
  readonly emailDomains: readonly string[]
  /** Whether a person who is not here yet gets an account. */
  readonly createUsers: boolean
}

export interface VerifiedAssertion {
  readonly issuer: TrustedIssuer
  readonly header: JWTHeaderParameters
  /** Not looked at yet. */
  readonly claims: unknown
}

export interface TrustedIssuers {
  readonly any: boolean
  /** Throws `invalid_grant` for what none of them signed. */
  verify(assertion: string): Promise<VerifiedAssertion>
}

/** RFC 8725 §3.1: those that are safe, whatever a key set or a header says. */
const ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519']
const KEYS_KEPT_MS = 10 * 60_000
/** An unknown key makes us look again, but no more often than this. */
const KEYS_COOLDOWN_MS = 30_000
const LONGEST = 16 * 1024

export function createTrustedIssuers(
  issuers: readonly TrustedIssuer[],
  fetch: OutboundFetch,
): TrustedIssuers {
  const known = new Map(
    issuers.map((issuer) => [
      issuer.issuer,
      {
        issuer,
        keys: createRemoteJWKSet(new URL(issuer.jwksUri), {
          [customFetch]: (url, init) => fetch(url, init),
          cacheMaxAge: KEYS_KEPT_MS,
          cooldownDuration: KEYS_COOLDOWN_MS,
        }),
      },
    ]),
  )

  return {
    any: known.size > 0,
    async verify(assertion) {
      const found = assertion.length > LONGEST ? undefined : known.get(issuerOf(assertion))
      if (!found) throw new errors.InvalidGrant('the assertion is not by an issuer that is trusted')
      try {
        const { protectedHeader, payload } = await compactVerify(assertion, found.keys, {
          algorithms: ALGORITHMS,
        })
        return {
          issuer: found.issuer,
          header: protectedHeader,
          claims: JSON.parse(new TextDecoder().decode(payload)),
        }
      } catch (cause) {
        throw explained(cause)
      }
    },
  }
}

/** Read before it is verified, only to know whose keys to verify with. */
function issuerOf(assertion: string): string {
  try {
    return decodeJwt(assertion).iss ?? ''
  } catch (cause) {
    throw new errors.InvalidGrant({ detail: 'the assertion is not a JWT', cause })
  }
}

function explained(cause: unknown): Error {
  const isFault =
    cause instanceof joseErrors.JWSSignatureVerificationFailed ||
    cause instanceof joseErrors.JOSEAlgNotAllowed ||
    cause instanceof joseErrors.JWSInvalid ||
    cause instanceof joseErrors.JWKSNoMatchingKey ||
    cause instanceof joseErrors.JWKSMultipleMatchingKeys ||
    cause instanceof joseErrors.JOSENotSupported ||
    cause instanceof SyntaxError
  if (isFault)
    return new errors.InvalidGrant({ detail: 'the signature of the assertion does not fit', cause })
  return new errors.TemporarilyUnavailable('the keys of the identity provider cannot be had right now', {
    cause,
  })
}
