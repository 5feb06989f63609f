// Owns an upstream's side of tokens that are bound to a key: a proof for each request (RFC 9449 §4.3), none twice, and nonces (§9).

import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose'
import * as z from 'zod'

const proven = z.object({
  payload: z.object({
    jti: z.string(),
    htm: z.string(),
    htu: z.string(),
    iat: z.number(),
    ath: z.string(),
    nonce: z.string().optional(),
  }),
  protectedHeader: z.object({
    typ: z.literal('dpop+jwt'),
    alg: z.literal('ES256'),
    jwk: z.strictObject({ kty: z.string(), crv: z.string(), x: z.string(), y: z.string() }),
  }),
})

export type Proven = { readonly token: string; readonly jkt: string } | { readonly wantsNonce: boolean }

export interface BoundTokens {
  /** What the request presents and proves, or that it wants another nonce. */
  check(req: IncomingMessage, url: string): Promise<Proven>
  /** From now on proofs have to name this. */
  nonce: string | null
}

const NOTHING: Proven = { wantsNonce: false }

export function createBoundTokens(): BoundTokens {
  const seen = new Set<string>()
  const bound: BoundTokens = {
    nonce: null,
    async check(req, url) {
      const token = /^DPoP (\S+)$/.exec(req.headers.authorization ?? '')?.[1]
      const { dpop } = req.headers
      if (token === undefined || typeof dpop !== 'string') return NOTHING
      const verified = await jwtVerify(dpop, EmbeddedJWK).catch(() => null)
      const { data } = proven.safeParse(verified)
      if (!data) return NOTHING
      const { payload, protectedHeader } = data
      const { jti, htm, htu, iat, ath, nonce } = payload
      const isFresh = Math.abs(Date.now() / 1000 - iat) < 60 && !seen.has(jti)
      const expected = createHash('sha256').update(token).digest('base64url')
      if (!isFresh || htm !== req.method || htu !== url || ath !== expected) return NOTHING
      seen.add(jti)
      if (bound.nonce !== null && nonce !== bound.nonce) return { wantsNonce: true }
      return { token, jkt: await calculateJwkThumbprint(protectedHeader.jwk) }
    },
  }
  return bound
}
