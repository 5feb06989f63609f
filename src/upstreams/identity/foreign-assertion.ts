// Owns Enterprise-Managed Authorization at another identity provider: an ID token of the person's, exchanged there for an assertion.

import { createHash } from 'node:crypto'
import type { GuardedFetch } from '../../http/guarded-fetch.ts'
import type { AssertionAuth, IdentityProvider } from '../../oauth/upstream-auth.ts'
import { hostOf } from '../oauth/discovery.ts'
import { OAuthFailure } from '../oauth/failure.ts'
import type { SubjectToken } from './subject-token.ts'
import { askForToken, RefusedGrant } from './token-request.ts'

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token'
const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag'

/**
 * draft-ietf-oauth-identity-assertion-authz-grant §4: good for the upstream's authorization server and for our client there.
 * Rejects with SubjectEnded when the provider does not accept the ID token any more.
 */
export async function foreignAssertion(
  subject: SubjectToken,
  provider: IdentityProvider,
  { issuer, scopes }: AssertionAuth,
  resource: string | null,
  fetch: GuardedFetch,
): Promise<string> {
  const parameters = {
    grant_type: EXCHANGE,
    requested_token_type: ID_JAG,
    subject_token: subject.token,
    subject_token_type: ID_TOKEN,
    audience: issuer,
    resource,
    scope: scopes?.join(' ') ?? null,
  }
  const host = hostOf(provider.tokenEndpoint)
  try {
    const given = await askForToken(provider.tokenEndpoint, provider, parameters, fetch)
    // RFC 8693 §2.2.1: `token_type` says nothing of what is no access token.
    if (given.issued_token_type === ID_JAG) return given.access_token
  } catch (error) {
    if (!(error instanceof RefusedGrant)) throw error
    await subject.ended(`${host} does not accept what was pasted any more.`)
    throw new SubjectEnded(`${host} does not accept the ID token.`)
  }
  throw new OAuthFailure(`${host} gave something else than an identity assertion.`)
}

/** The person has to give another one. */
export class SubjectEnded extends OAuthFailure {}

/** What was had for one ID token is nothing for another. */
export function nameOf(callerSubject: string, { token }: SubjectToken): string {
  return `${callerSubject} ${createHash('sha256').update(token).digest('base64url')}`
}
