// Owns the credentials that need nothing of a person: what we say about them ourselves, or what a server gives us for saying it.

import type { GuardedFetch } from '../../http/guarded-fetch.ts'
import type { Caller } from '../../oauth/caller.ts'
import type { AssertionAuth, ExchangeAuth, IdentityAuth } from '../../oauth/upstream-auth.ts'
import { isForeign, type Wanting } from '../connections/binding.ts'
import { ConnectFirst, type Credential, CredentialUnavailable } from '../credentials.ts'
import { fetchFor } from '../named-origins.ts'
import { hostOf } from '../oauth/discovery.ts'
import { OAuthFailure } from '../oauth/failure.ts'
import { foreignAssertion, nameOf, SubjectEnded } from './foreign-assertion.ts'
import { createKept, type Made } from './kept.ts'
import { type About, assertionOf, type Grant, identityOf, type PersonOf, type Sign } from './person.ts'
import type { SubjectToken, SubjectTokenOf } from './subject-token.ts'
import { requestToken, TokenOutage } from './token-request.ts'

export interface IdentityCredentialNeeds {
  /** PUBLIC_URL: whose keys are at `/jwks`. */
  readonly issuer: string
  readonly sign: Sign
  readonly personOf: PersonOf
  /** Where another identity provider than we are says who somebody is. */
  readonly subjectTokenOf: SubjectTokenOf
  readonly fetch: GuardedFetch
  /** Why there is none, for the log. */
  readonly report: (error: unknown, upstream: string) => void
  /** Milliseconds. */
  readonly clock?: () => number
}

export interface IdentityCredentials {
  readonly credentialFor: (caller: Caller, upstream: Wanting) => Promise<Credential>
  /** The upstream did not accept it. True when another one can be had from its server, worth one more try. */
  readonly refused: (caller: Caller, upstream: Wanting, credential: Credential) => boolean | Promise<boolean>
}

/** Of what a token is asked for with: it is presented at once. */
const STATEMENT_TTL_SECONDS = 60
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const JWT = 'urn:ietf:params:oauth:token-type:jwt'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

export function createIdentityCredentials(needs: IdentityCredentialNeeds): IdentityCredentials {
  const { issuer, sign, personOf, subjectTokenOf, fetch, report, clock = Date.now } = needs
  const kept = createKept(clock)

  async function about(caller: Caller, audience: string, ttlSeconds = STATEMENT_TTL_SECONDS): Promise<About> {
    const { subject } = caller
    const person = await personOf(caller)
    return { issuer, subject, audience, person, ttlSeconds, now: Math.floor(clock() / 1000) }
  }

  async function identity(caller: Caller, upstream: Wanting, auth: IdentityAuth): Promise<Made> {
    const { header: name, prefix, ttlSeconds } = auth
    const audience = auth.audience ?? placeOf(upstream)
    if (audience === null) throw new OAuthFailure('It has no address. Set audience in "auth".')
    const token = await sign(identityOf(await about(caller, audience, ttlSeconds)))
    return { credential: { kind: 'header', name, value: prefix + token }, lifeMs: ttlSeconds * 1000 }
  }

  async function exchanged(caller: Caller, auth: ExchangeAuth): Promise<Made> {
    const { tokenEndpoint, audience, resource, scopes } = auth
    const subjectToken = await sign(identityOf(await about(caller, tokenEndpoint)))
    const parameters = {
      grant_type: EXCHANGE,
      subject_token: subjectToken,
      subject_token_type: JWT,
      requested_token_type: ACCESS_TOKEN,
      audience,
      resource,
      scope: scopes?.join(' ') ?? null,
    }
    return requestToken(tokenEndpoint, auth, parameters, fetch)
  }

  async function ownAssertion(caller: Caller, audience: string, grant: Grant): Promise<string> {
    const whose = await about(caller, audience)
    // Draft ID-JAG, §3: it is about a person who signed in, for whom the other server keeps an account.
    if (typeof whose.person?.email !== 'string')
      throw new OAuthFailure('It is told about people only, and no person is behind this call.')
    return sign(assertionOf(whose, grant))
  }

  async function asserted(
    caller: Caller,
    upstream: Wanting,
    auth: AssertionAuth,
    subject: SubjectToken | null,
  ): Promise<Made> {
    const { clientId, scopes, identityProvider } = auth
    const place = placeOf(upstream)
    const fetch = fetchFor(upstream, needs.fetch)
    const endpoint = auth.tokenEndpoint ?? (await tokenEndpointOf(auth.issuer, fetch))
    const assertion =
      subject !== null && identityProvider !== null
        ? await foreignAssertion(subject, identityProvider, auth, place, fetch)
        : await ownAssertion(caller, auth.issuer, { clientId, resource: place, scopes })
    const parameters = { grant_type: JWT_BEARER, assertion, scope: scopes?.join(' ') ?? null }
    return requestToken(endpoint, auth, parameters, fetch)
  }

  async function make(caller: Caller, upstream: Wanting, subject: SubjectToken | null): Promise<Made> {
    const { auth, name } = upstream
    try {
      if (auth.type === 'identity') return await identity(caller, upstream, auth)
      if (auth.type === 'token-exchange') return await exchanged(caller, auth)
      if (auth.type === 'id-jag') return await asserted(caller, upstream, auth, subject)
      throw new Error(`There is nothing to make for ${auth.type}.`)
    } catch (cause) {
      report(cause, name)
      if (cause instanceof SubjectEnded) throw new ConnectFirst(upstream, true)
      throw new CredentialUnavailable({ cause, later: cause instanceof TokenOutage })
    }
  }

  async function foreign(caller: Caller, upstream: Wanting): Promise<Credential> {
    const subject = await subjectTokenOf(caller, upstream)
    const named = { ...caller, subject: nameOf(caller.subject, subject) }
    return kept.get(named, upstream, () => make(caller, upstream, subject))
  }

  async function forgetForeign(caller: Caller, upstream: Wanting, credential: Credential): Promise<boolean> {
    const subject = await subjectTokenOf(caller, upstream)
    return kept.forget({ ...caller, subject: nameOf(caller.subject, subject) }, upstream, credential)
  }

  return {
    credentialFor: (caller, upstream) =>
      isForeign(upstream)
        ? foreign(caller, upstream)
        : kept.get(caller, upstream, () => make(caller, upstream, null)),
    refused(caller, upstream, credential) {
      if (isForeign(upstream)) return forgetForeign(caller, upstream, credential)
      return upstream.auth.type !== 'identity' && kept.forget(caller, upstream, credential)
    },
  }
}

/** Exactly as it is configured: what the token is for (RFC 8707). */
function placeOf(upstream: Wanting): string | null {
  return 'url' in upstream ? upstream.url : null
}

async function tokenEndpointOf(issuer: string, fetch: GuardedFetch): Promise<string> {
  const sdk = await import('@modelcontextprotocol/client')
  const metadata = await sdk
    .discoverAuthorizationServerMetadata(issuer, { fetchFn: fetch })
    .catch((cause: unknown) => {
      throw new OAuthFailure(`The metadata of ${hostOf(issuer)} cannot be had.`, cause)
    })
  if (metadata === undefined)
    throw new OAuthFailure(`${hostOf(issuer)} has no metadata. Set token_endpoint in "auth".`)
  return metadata.token_endpoint
}
