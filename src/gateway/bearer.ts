// Owns who is calling: the bearer token of a request (RFC 6750 §2.1), verified once and checked at every use.

import type { IncomingMessage } from 'node:http'
import { LRUCache } from 'lru-cache'
import type { Caller } from '../oauth/caller.ts'
import { formatChallenge } from '../oauth/challenge.ts'
import { metadataUrl, type ProtectedResource } from '../oauth/resource.ts'
import { readScope } from '../oauth/scope.ts'
import {
  isExpired,
  type KeySource,
  type TokenFault,
  type VerifiedToken,
  verifyAccessToken,
} from './access-token.ts'
import { Refusal } from './refusal.ts'

export interface BearerNeeds {
  readonly issuer: string
  readonly keys: KeySource
  readonly isRevoked: (grantId: string) => boolean
  /** Milliseconds. */
  readonly clock: () => number
}

export interface Bearer {
  /** The caller, or a refusal (401) with the challenge that leads a client to the authorization server. */
  authenticate(req: IncomingMessage, resource: ProtectedResource): Caller
}

const SCHEME = 'bearer '
const MAX_TOKEN_LENGTH = 8 * 1024
const REMEMBERED_TOKENS = 10_000

export function createBearer({ issuer, keys, isRevoked, clock }: BearerNeeds): Bearer {
  // Verifying costs a hundred times what looking up does. Only what verified is kept, and what was kept proves the signature
  // and nothing else: expiry, audience, key and grant are asked again.
  const verified = new LRUCache<string, VerifiedToken>({ max: REMEMBERED_TOKENS })

  function authenticate(req: IncomingMessage, resource: ProtectedResource): Caller {
    const token = presented(req.headers.authorization)
    if (token === null) throw unauthorized(resource)
    const now = Math.floor(clock() / 1000)
    const known = verified.get(token) ?? verify(token, now)
    if (typeof known === 'string') throw unauthorized(resource, known)
    const fault = objection(known, resource, now)
    if (fault === null) return known.caller
    if (fault.final) verified.delete(token)
    throw unauthorized(resource, fault.text)
  }

  function verify(token: string, now: number): VerifiedToken | TokenFault {
    if (token.length > MAX_TOKEN_LENGTH) return 'The access token is too long'
    const result = verifyAccessToken(token, issuer, keys, now)
    if (typeof result !== 'string') verified.set(token, result)
    return result
  }

  function objection(
    { caller, kid, key }: VerifiedToken,
    resource: ProtectedResource,
    now: number,
  ): Objection | null {
    if (isExpired(caller.expiresAt, now)) return { text: 'The access token has expired', final: true }
    if (keys.find(kid)?.key !== key)
      return { text: 'The access token is not one of this issuer', final: true }
    if (caller.grantId !== null && isRevoked(caller.grantId))
      return { text: 'The access was revoked', final: true }
    if (caller.resource === resource.identifier) return null
    return { text: 'The access token is for another resource', final: false }
  }

  return { authenticate }
}

interface Objection {
  readonly text: string
  /** Holds wherever the token is presented, so there is no use in remembering it. */
  readonly final: boolean
}

/** Null when there is no bearer token at all. Several headers never get here. */
function presented(authorization: string | undefined): string | null {
  if (authorization === undefined) return null
  if (authorization.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return null
  return authorization.slice(SCHEME.length)
}

/** RFC 6750 §3.1: no error code for a client that did not know that it needs a token. */
function unauthorized(resource: ProtectedResource, description?: string): Refusal {
  const challenge = formatChallenge({
    metadata: metadataUrl(resource),
    scope: readScope(resource.upstream),
    ...(description !== undefined && { error: 'invalid_token', description }),
  })
  return new Refusal({
    status: 401,
    reason: 'token',
    body: JSON.stringify({
      error: 'invalid_token',
      error_description: description ?? 'An access token is needed',
    }),
    headers: ['www-authenticate', challenge],
  })
}
