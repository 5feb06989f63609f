// Owns the DPoP proof of a token request (RFC 9449 §5) for the grants that are written here.

import { errors } from 'oidc-provider'
import { PROOF_WINDOW_SECONDS, type Proof, verifyProof } from '../../http/dpop-proof.ts'
import type { GrantContext } from './issue.ts'

/** The proof, spent; null when there is none and the client need not send one. */
export async function proofOf(ctx: GrantContext): Promise<Proof | null> {
  const { provider, client } = ctx.oidc
  const header = ctx.get('DPoP')
  if (header === '') {
    if (client.dpopBoundAccessTokens) throw new errors.InvalidGrant('this client has to send a DPoP proof')
    return null
  }
  const now = Math.floor(Date.now() / 1000)
  const url = ctx.oidc.urlFor('token')
  const proof = verifyProof(header, { method: ctx.method, url, accessToken: null, now })
  if (typeof proof === 'string') throw new errors.InvalidDpopProof(proof)
  if (await provider.ReplayDetection.unique(client.clientId, proof.id, now + PROOF_WINDOW_SECONDS))
    return proof
  throw new errors.InvalidDpopProof('The proof was used before')
}
