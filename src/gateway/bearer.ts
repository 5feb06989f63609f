// Owns who is calling: the access token of a request (RFC 6750 §2.1, RFC 9449 §7), verified once and checked at every use.

import type { IncomingMessage } from 'node:http'
import { LRUCache } from 'lru-cache'
import { INTERNAL_ERROR } from '../mcp/rpc.ts'
import { isApiKey } from '../oauth/api-key.ts'
import type { Caller, KeyHolder } from '../oauth/caller.ts'
import type { Challenge } from '../oauth/challenge.ts'
import type { ProtectedResource } from '../oauth/resource.ts'
import { upstreamOf } from '../oauth/scope.ts'
import {
  isExpired,
  type KeySource,
  type TokenFault,
  type VerifiedToken,
  verifyAccessToken,
} from './access-token.ts'
import { contentDigestOf, createDpop, type DpopNeeds } from './dpop.ts'
import { type Refusal, rpcRefusal } from './refusal.ts'
import type { Revocations } from './revocations.ts'
import { badProof, unauthorized } from './unauthorized.ts'

/** Answers at once for a key that it asked after lately. */
export interface ApiKeySource {
  find(key: string): KeyHolder | null | Promise<KeyHolder | null>
}

export interface BearerNeeds extends DpopNeeds {
  readonly issuer: string
  readonly keys: KeySource
  readonly revocations: Pick<Revocations, 'isRevoked'>
  readonly apiKeys: ApiKeySource
  /** For the log: keys cannot be asked after. */
  readonly report: (error: unknown) => void
}

export interface Admission {
  readonly caller: Caller
  /** What the client signed that the body is, if it did. */
  readonly contentDigest?: string | null
}

export interface Bearer {
  /**
   * The caller, or a refusal (401) with the challenge that leads a client to the authorization server. A promise only when
   * somebody has to be asked: about a proof, or whether the access was revoked. When nobody can tell that, a refusal (503).
   */
  authenticate(req: IncomingMessage, resource: ProtectedResource): Admission | Promise<Admission>
  /** Throws a refusal (401) when the body is not what the client signed. */
  checkContent(
    body: Uint8Array | null,
    contentDigest: Admission['contentDigest'],
    resource: ProtectedResource,
  ): void
}

const REVOKED = 'The access was revoked'
const SCHEME = 'bearer '
const DPOP_SCHEME = 'dpop '
const MAX_TOKEN_LENGTH = 8 * 1024
const REMEMBERED_TOKENS = 10_000
const RETRY_AFTER_SECONDS = 2

export function createBearer(needs: BearerNeeds): Bearer {
  const { issuer, keys, revocations, apiKeys, report, clock, claimProof } = needs
  // Verifying costs a hundred times what looking up does. Only what verified is kept, and what was kept proves the signature
  // and nothing else: expiry, audience, key and revocation are asked again.
  const verified = new LRUCache<string, VerifiedToken>({ max: REMEMBERED_TOKENS })
  const dpop = createDpop({ clock, claimProof })

  function authenticate(req: IncomingMessage, resource: ProtectedResource): Admission | Promise<Admission> {
    const token = presented(req.headers.authorization, SCHEME)
    if (token === null) return authenticateBound(req, resource)
    if (isApiKey(token)) return authenticateHolder(token, resource)
    const known = recognize(token, resource, 'Bearer')
    // RFC 9449 §7.2: a token bound to a key is worth nothing as a bearer token.
    if (known.jkt === null) return standing(known, resource, 'Bearer')
    throw unauthorized(resource, 'The access token is bound to a key: it needs the DPoP scheme and a proof')
  }

  function authenticateHolder(key: string, resource: ProtectedResource): Admission | Promise<Admission> {
    const holder = apiKeys.find(key)
    if (!(holder instanceof Promise)) return admitHolder(holder, resource)
    return holder.then(
      (found) => admitHolder(found, resource),
      (error: unknown) => {
        report(error)
        throw nobodyKnows()
      },
    )
  }

  /** One that was made up, has expired or was revoked is told the same as a token that is no good. */
  function admitHolder(
    holder: KeyHolder | null,
    resource: ProtectedResource,
  ): Admission | Promise<Admission> {
    if (holder === null || Math.floor(clock() / 1000) >= holder.expiresAt)
      throw unauthorized(resource, 'The API key is not valid')
    const names = new Set(resource.upstreams.map(({ name }) => name))
    if (![...holder.scopes].some((scope) => names.has(upstreamOf(scope))))
      throw unauthorized(resource, 'The API key is for another resource')
    return standing({ caller: { ...holder, resource: resource.identifier } }, resource, 'Bearer')
  }

  async function authenticateBound(req: IncomingMessage, resource: ProtectedResource): Promise<Admission> {
    const token = presented(req.headers.authorization, DPOP_SCHEME)
    if (token === null) throw unauthorized(resource)
    const known = recognize(token, resource, 'DPoP')
    const { jkt, caller } = known
    if (jkt === null) throw unauthorized(resource, 'The access token is bound to no key', 'DPoP')
    await standing(known, resource, 'DPoP')
    return prove(req, resource, { token, jkt, caller })
  }

  async function prove(
    req: IncomingMessage,
    resource: ProtectedResource,
    { token, jkt, caller }: { token: string; jkt: string; caller: Caller },
  ): Promise<Admission> {
    const proof = await dpop.prove(req, { url: resource.identifier, token, jkt })
    if (typeof proof === 'string') throw badProof(resource, proof)
    return { caller, contentDigest: proof.contentDigest }
  }

  function recognize(token: string, resource: ProtectedResource, scheme: Challenge['scheme']): VerifiedToken {
    const now = Math.floor(clock() / 1000)
    const known = verified.get(token) ?? verify(token, now)
    if (typeof known === 'string') throw unauthorized(resource, known, scheme)
    const fault = objection(known, resource, now)
    if (fault === null) return known
    if (fault.final) verified.delete(token)
    throw unauthorized(resource, fault.text, scheme)
  }

  function standing(
    known: Admission,
    resource: ProtectedResource,
    scheme: Challenge['scheme'],
  ): Admission | Promise<Admission> {
    const revoked = revocations.isRevoked(known.caller)
    if (revoked === false) return known
    if (revoked === true) throw unauthorized(resource, REVOKED, scheme)
    return revoked.then(
      (is) => {
        if (is) throw unauthorized(resource, REVOKED, scheme)
        return known
      },
      () => {
        throw nobodyKnows()
      },
    )
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
    if (caller.resource === resource.identifier) return null
    return { text: 'The access token is for another resource', final: false }
  }

  return {
    authenticate,
    checkContent(body, contentDigest, resource) {
      if (body === null || !contentDigest || contentDigestOf(body) === contentDigest) return
      throw badProof(resource, 'The proof is for another body')
    },
  }
}

interface Objection {
  readonly text: string
  /** Holds wherever the token is presented, so there is no use in remembering it. */
  readonly final: boolean
}

/** Null when there is no token of this scheme. Several headers never get here. */
function presented(authorization: string | undefined, scheme: string): string | null {
  if (authorization === undefined) return null
  if (authorization.slice(0, scheme.length).toLowerCase() !== scheme) return null
  return authorization.slice(scheme.length)
}

/** RFC 9110 §15.6.4: a good token is not called a bad one because the database is away. */
function nobodyKnows(): Refusal {
  return rpcRefusal({
    status: 503,
    reason: 'revocation_unknown',
    code: INTERNAL_ERROR,
    message: 'It cannot be checked right now whether the access still stands. Try again.',
    headers: ['retry-after', String(RETRY_AFTER_SECONDS)],
  })
}
