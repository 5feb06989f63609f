// Owns the refusals (401) that lead a client to the authorization server, or tell it that its token will not do.

import { PROOF_ALGORITHMS } from '../http/dpop-proof.ts'
import { type Challenge, formatChallenge } from '../oauth/challenge.ts'
import { metadataUrl, type ProtectedResource } from '../oauth/resource.ts'
import { formatScope, readScopesOf } from '../oauth/scope.ts'
import { Refusal } from './refusal.ts'

/** RFC 9449 §7.1. */
export function badProof(resource: ProtectedResource, description: string): Refusal {
  return refusal(resource, { error: 'invalid_dpop_proof', description, scheme: 'DPoP' })
}

/** RFC 6750 §3.1: no error code for a client that did not know that it needs a token. */
export function unauthorized(
  resource: ProtectedResource,
  description?: string,
  scheme?: Challenge['scheme'],
): Refusal {
  if (description === undefined) return refusal(resource, {})
  return refusal(resource, { error: 'invalid_token', description, ...(scheme && { scheme }) })
}

function refusal(
  resource: ProtectedResource,
  fault: Pick<Challenge, 'error' | 'description' | 'scheme'>,
): Refusal {
  const challenge = formatChallenge({
    metadata: metadataUrl(resource),
    scope: formatScope(readScopesOf(resource)),
    proofAlgorithms: PROOF_ALGORITHMS,
    ...fault,
  })
  return new Refusal({
    status: 401,
    reason: 'token',
    body: JSON.stringify({
      error: fault.error ?? 'invalid_token',
      error_description: fault.description ?? 'An access token is needed',
    }),
    headers: ['www-authenticate', challenge],
    detail: fault.description,
  })
}
