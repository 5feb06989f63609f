// Owns whether tokens of an authorization server are to be bound to a key of ours (RFC 9449), and that they are where they have to be.

import * as z from 'zod'
import type { OAuth2Auth, UpstreamAuth } from '../../oauth/upstream-auth.ts'
import type { Upstream } from '../registry.ts'
import type { LoginServer } from './discovery.ts'
import { LoginRefused } from './failure.ts'
import { createProofKey, PROOF_ALGORITHM, type ProofKey } from './proofs.ts'
import type { Granted } from './tokens.ts'

const offered = z.object({ dpop_signing_alg_values_supported: z.array(z.string()) })

/**
 * A new one where both the server (RFC 9449 §5.1) and the upstream offer it, or where it is configured; null: tokens are bound to nothing. A proof
 * names the place where it is presented, which of several endpoints are not: those have to be content with the first one.
 */
export function chooseKey(
  { metadata, takesProofs }: LoginServer,
  { dpop }: OAuth2Auth,
  upstream: Upstream,
): ProofKey | null {
  const known = offered.safeParse(metadata).data?.dpop_signing_alg_values_supported ?? []
  const isOne = !('otherUrls' in upstream) || upstream.otherUrls.length === 0
  return (dpop ?? (isOne && takesProofs && known.includes(PROOF_ALGORITHM))) ? createProofKey() : null
}

/** RFC 9449 §5: a server that does not care for the key says so by its `token_type`. */
export function insistOnBinding(granted: Granted, auth: UpstreamAuth): Granted {
  if (auth.type === 'oauth2' && auth.dpop === true && !granted.isBound)
    throw new LoginRefused('The server gave a token that anybody could use, though "dpop" is set.')
  return granted
}
