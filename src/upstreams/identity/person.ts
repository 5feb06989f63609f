// Owns what we say of a person towards upstreams and their authorization servers, and for how long. Pure, but for who is asked.

import { randomUUID } from 'node:crypto'
import type { Caller } from '../../oauth/caller.ts'

/** As far as it is told to anybody. */
export interface Person {
  /** Null for a service account: no mail reaches it. */
  readonly email: string | null
  readonly groups: readonly string[]
}

/** Null for a client by itself, which is nobody. Throws for an account that is gone, or may not do anything any more. */
export type PersonOf = (caller: Pick<Caller, 'subject' | 'clientId'>) => Promise<Person | null>

export interface Statement {
  readonly typ: string
  readonly claims: Readonly<Record<string, unknown>>
}

/** By the key that signs at the moment; whoever reads `/jwks` can verify it. */
export type Sign = (statement: Statement) => Promise<string>

export interface About {
  /** Ours. */
  readonly issuer: string
  readonly subject: string
  readonly audience: string
  readonly person: Person | null
  readonly ttlSeconds: number
  /** Seconds since the epoch. */
  readonly now: number
}

/**
 * RFC 8725 §3.11 would have a type of its own, but common verifiers accept no other. It is for one audience, and that one is
 * never ours: our own access tokens are typed (RFC 9068 §2.1), so this cannot pass for one.
 */
export function identityOf(about: About): Statement {
  const groups = about.person === null ? {} : { groups: about.person.groups }
  return { typ: 'JWT', claims: { ...common(about), ...groups } }
}

export interface Grant {
  readonly clientId: string
  readonly resource: string | null
  readonly scopes: readonly string[] | null
}

/** draft-ietf-oauth-identity-assertion-authz-grant §3: good once, by its `jti`. */
export function assertionOf(about: About, { clientId, resource, scopes }: Grant): Statement {
  return {
    typ: 'oauth-id-jag+jwt',
    claims: {
      ...common(about),
      client_id: clientId,
      ...(resource !== null && { resource }),
      ...(scopes !== null && { scope: scopes.join(' ') }),
    },
  }
}

function common({ issuer, subject, audience, person, ttlSeconds, now }: About) {
  return {
    iss: issuer,
    sub: subject,
    aud: audience,
    iat: now,
    exp: now + ttlSeconds,
    jti: randomUUID(),
    ...(typeof person?.email === 'string' && { email: person.email }),
  }
}
