// Owns what the authorization server itself knows of an access token that it issued and did not store.

import type { KeyObject } from 'node:crypto'
import { errors, type JWTPayload, jwtVerify } from 'jose'
import type { Provider } from 'oidc-provider'
import * as z from 'zod'
import { parseScope } from '../oauth/scope.ts'
import { type Actor, isGrantOfClient } from './access-token-claims.ts'

export interface OwnAccessToken {
  /** The person, or the client when there is none. */
  readonly subject: string
  /** That it was issued to. */
  readonly clientId: string
  readonly grantId: string
  readonly scopes: ReadonlySet<string>
  /** The identifier of the one resource that it is for. */
  readonly resource: string
  readonly id: string
  readonly issuedAt: number
  readonly expiresAt: number
  /** The thumbprint of the key that it is bound to. */
  readonly jkt: string | null
  readonly actor: Actor | null
  readonly groups: readonly string[]
}

export interface OwnAccessTokenNeeds {
  readonly issuer: string
  readonly findKey: (kid: string) => { readonly alg: string; readonly key: KeyObject } | null
  /** Rejects when nobody can tell. */
  readonly isRevoked: (
    token: Pick<OwnAccessToken, 'grantId' | 'subject' | 'clientId' | 'issuedAt'>,
  ) => boolean | Promise<boolean>
  /** Whether there is such a person who may sign in. */
  readonly isEnabled: (userId: string) => Promise<boolean>
}

export interface OwnAccessTokens {
  /** Null for what is not an access token of ours, or is over. Whether it was revoked is another question. */
  read(token: string): Promise<OwnAccessToken | null>
  /** Whether all that it stands on still does: its grant, its client and the person. */
  isAlive(token: OwnAccessToken): Promise<boolean>
}

const actor: z.ZodType<Actor> = z.lazy(() => z.object({ sub: z.string(), act: actor.optional() }))

const claims = z.object({
  sub: z.string(),
  client_id: z.string(),
  gid: z.string(),
  aud: z.string(),
  jti: z.string(),
  iat: z.number(),
  exp: z.number(),
  scope: z.string().optional(),
  cnf: z.object({ jkt: z.string() }).optional(),
  act: actor.optional(),
  groups: z.array(z.string()).default([]),
})

export function createOwnAccessTokens(provider: Provider, needs: OwnAccessTokenNeeds): OwnAccessTokens {
  const { issuer, findKey, isRevoked, isEnabled } = needs

  const keyFor = ({ kid, alg }: { kid?: string; alg?: string }): KeyObject => {
    const found = kid === undefined ? null : findKey(kid)
    // RFC 8725 §3.1: each key is for one algorithm.
    if (!found || found.alg !== alg) throw new errors.JWKSNoMatchingKey()
    return found.key
  }

  return {
    async read(token) {
      const verified = await jwtVerify(token, keyFor, { issuer, typ: 'at+jwt' }).catch(ignoreJoseErrors)
      const parsed = claims.safeParse(verified?.payload)
      return parsed.success ? fromClaims(parsed.data) : null
    },
    async isAlive(token) {
      const { grantId, clientId, subject } = token
      if ((await isRevoked(token)) || !(await provider.Client.find(clientId))) return false
      if (isGrantOfClient(grantId)) return true
      const grant = await provider.Grant.find(grantId)
      return grant !== undefined && grant.accountId === subject && (await isEnabled(subject))
    },
  }
}

function ignoreJoseErrors(error: unknown): { payload: JWTPayload } | null {
  if (error instanceof errors.JOSEError || error instanceof TypeError) return null
  throw error
}

function fromClaims(claimed: z.output<typeof claims>): OwnAccessToken {
  return {
    subject: claimed.sub,
    clientId: claimed.client_id,
    grantId: claimed.gid,
    scopes: parseScope(claimed.scope),
    resource: claimed.aud,
    id: claimed.jti,
    issuedAt: claimed.iat,
    expiresAt: claimed.exp,
    jkt: claimed.cnf?.jkt ?? null,
    actor: claimed.act ?? null,
    groups: claimed.groups,
  }
}
