// Owns `"type": "oauth2"` in the `auth` of an upstream: what belongs together in it, and what does not.

import type * as z from 'zod'
import type { ClientKey, OAuth2Auth, WorkloadAssertion } from '../oauth/upstream-auth.ts'
import type { members } from './upstream-auth-members.ts'
import { readClientKey } from './upstream-client-key.ts'
import type { Reading } from './upstream-reached.ts'

type Given = z.output<typeof members.oauth2>
type Needs = Pick<Reading, 'place' | 'report'>

/** The member that is wrong, what is expected of it, and what there is. */
type Problem = readonly [member: string, expected: string, got: string]

/** Null when there is a problem; every one is reported. */
export function toOAuth2(given: Given | null, needs: Needs): OAuth2Auth | null {
  if (given === null) return null
  const clientKey = readClientKey(given, needs)
  const problems = problemsOf(given)
  for (const [member, expected, got] of problems)
    needs.report({ ...needs.place(['auth', ...(member === '' ? [] : [member])]), expected, got })
  return problems.length > 0 || clientKey === undefined
    ? null
    : { ...clientOf(given, clientKey), ...serverOf(given) }
}

function clientOf(given: Given, clientKey: ClientKey | null) {
  return {
    type: 'oauth2' as const,
    grant: given.grant,
    shared: given.shared || given.grant !== 'authorization_code',
    clientId: given.client_id ?? null,
    clientSecret: given.client_secret ?? null,
    clientKey,
    assertion: assertionOf(given),
    dpop: given.dpop ?? null,
    redirectUri: given.redirect_uri ?? null,
  }
}

function serverOf(given: Given) {
  return {
    issuer: given.issuer ?? null,
    authorizationEndpoint: given.authorization_endpoint ?? null,
    tokenEndpoint: given.token_endpoint ?? null,
    deviceEndpoint: given.device_authorization_endpoint ?? null,
    revocationEndpoint: given.revocation_endpoint ?? null,
    scopes: given.scopes ?? null,
    audience: given.audience ?? null,
    sendsResource: given.resource,
  }
}

function assertionOf({ assertion: text, assertion_file: path }: Given): WorkloadAssertion | null {
  if (text !== undefined) return { kind: 'text', text }
  return path === undefined ? null : { kind: 'file', path }
}

function problemsOf(given: Given): readonly Problem[] {
  return [...endpointProblems(given), ...clientProblems(given), ...assertionProblems(given)]
}

/** Where nobody is sent to log in, the token endpoint is enough. */
function endpointProblems(given: Given): readonly Problem[] {
  const { grant, authorization_endpoint: page, token_endpoint: endpoint } = given
  if (page === undefined ? endpoint === undefined || grant !== 'authorization_code' : endpoint !== undefined)
    return []
  return [['', 'authorization_endpoint and token_endpoint together, or neither', 'one of them']]
}

function clientProblems({ grant, client_id, client_secret, private_key }: Given): readonly Problem[] {
  const proofs = [client_secret, private_key].filter((each) => each !== undefined).length
  const needsId = proofs > 0 || grant !== 'authorization_code'
  return [
    ...(client_id === undefined && needsId ? [NO_CLIENT] : []),
    ...(proofs > 1 ? [TWO_PROOFS] : []),
    ...(proofs === 0 && grant === 'client_credentials' ? [NO_PROOF] : []),
  ]
}

const NO_CLIENT: Problem = ['client_id', 'a client_id beside it', 'none']
const TWO_PROOFS: Problem = ['', 'client_secret or private_key', 'both']
const NO_PROOF: Problem = ['', 'a client_secret or a private_key for this grant', 'none']

function assertionProblems({ grant, assertion, assertion_file }: Given): readonly Problem[] {
  const assertions = [assertion, assertion_file].filter((each) => each !== undefined).length
  if (grant === 'jwt-bearer' ? assertions === 1 : assertions === 0) return []
  const got = assertions === 0 ? 'none' : assertions === 1 ? `the grant ${grant}` : 'both'
  return [['', 'assertion or assertion_file, for the grant jwt-bearer alone', got]]
}
