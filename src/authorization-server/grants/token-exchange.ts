// Owns token exchange (RFC 8693), for one purpose: passing on less than one has. The same resource, no more scope, no longer.

import { errors, type Provider } from 'oidc-provider'
import type { Proof } from '../../http/dpop-proof.ts'
import type { ProtectedResource } from '../../oauth/resource.ts'
import { formatScope, includesAll, intersection, parseScope, scopesOf } from '../../oauth/scope.ts'
import type { Actor } from '../access-token-claims.ts'
import { marksOf } from '../client-marks.ts'
import { text } from '../consent-grant.ts'
import type { OwnAccessToken, OwnAccessTokens } from '../own-access-tokens.ts'
import { findResource, type Resources } from '../resources.ts'
import { ACCESS_TOKEN_TYPE, type GrantContext, issueAccessToken } from './issue.ts'
import { TOKEN_EXCHANGE } from './names.ts'
import { proofOf } from './proof.ts'

export interface TokenExchangeNeeds {
  readonly tokens: OwnAccessTokens
  readonly resources: Resources
  readonly accessTokenTtlSeconds: number
}

const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt'
/** Our access tokens are JWTs, so they go by either name (RFC 8693 §3). */
const TYPES: ReadonlySet<unknown> = new Set([ACCESS_TOKEN_TYPE, JWT_TYPE])
const PARAMETERS = [
  'subject_token',
  'subject_token_type',
  'requested_token_type',
  'actor_token',
  'actor_token_type',
  'audience',
  'resource',
  'scope',
]
/** A longer chain is a loop, and each link makes the token longer. */
const MOST_ACTORS = 4

export function registerTokenExchange(provider: Provider, needs: TokenExchangeNeeds): void {
  provider.registerGrantType(TOKEN_EXCHANGE, (ctx) => exchange(ctx, needs), PARAMETERS, [
    'audience',
    'resource',
  ])
}

async function exchange(ctx: GrantContext, needs: TokenExchangeNeeds): Promise<void> {
  const { client, params } = ctx.oidc
  if (client.clientAuthMethod === 'none') {
    throw new errors.UnauthorizedClient('a client without credentials cannot exchange tokens')
  }
  checkTypes(params)
  const subject = await liveSubject(text(params.subject_token), needs.tokens)
  const resource = sameResource(subject, params, needs.resources)
  const most = intersection(subject.scopes, marksOf(client.metadata()).scopes)
  const scopes = narrowed(most, new Set(scopesOf(resource)), parseScope(text(params.scope)))
  const actor = actorOf(subject, client.clientId)
  const proof = await proofOf(ctx)
  checkBinding(subject, proof)
  await issueAccessToken(ctx, {
    subject: subject.subject,
    grantId: subject.grantId,
    resource,
    scopes,
    lifetimeSeconds: Math.min(needs.accessTokenTtlSeconds, subject.expiresAt - Math.floor(Date.now() / 1000)),
    proof,
    actor,
    issuedTokenType: ACCESS_TOKEN_TYPE,
  })
}

type Parameters = GrantContext['oidc']['params']

/** RFC 8693 §2.1. The actor is the client that authenticated, so nobody else can be named as one. */
function checkTypes({
  subject_token,
  subject_token_type,
  requested_token_type,
  actor_token,
}: Parameters): void {
  if (text(subject_token) === '') throw new errors.InvalidRequest('subject_token is missing')
  if (!TYPES.has(subject_token_type)) {
    throw new errors.InvalidRequest('subject_token_type has to be that of an access token')
  }
  if (requested_token_type !== undefined && !TYPES.has(requested_token_type)) {
    throw new errors.InvalidRequest('only access tokens can be requested')
  }
  if (actor_token !== undefined) {
    throw new errors.InvalidRequest('actor_token is not supported: the client that asks is the actor')
  }
}

/** RFC 8693 §2.2.2: what cannot be accepted as a subject token is `invalid_request`. */
async function liveSubject(token: string, tokens: OwnAccessTokens): Promise<OwnAccessToken> {
  const subject = await tokens.read(token)
  if (subject && (await tokens.isAlive(subject)) && subject.expiresAt > Date.now() / 1000) return subject
  throw new errors.InvalidRequest('subject_token is not an access token of ours that is still good')
}

/** A person agreed to one resource, for which the token is: to name another one is to ask for what nobody agreed to. */
function sameResource(
  subject: OwnAccessToken,
  { resource, audience }: Parameters,
  resources: Resources,
): ProtectedResource {
  const named = [resource, audience].flat().filter((each) => each !== undefined)
  const others = named.filter((each) => findResource(resources, text(each))?.identifier !== subject.resource)
  const found = resources.byIdentifier(subject.resource)
  if (found && others.length === 0) return found
  throw new errors.InvalidTarget('a token can be exchanged for one for the same resource only')
}

/** `most`: of what the subject token has, what the operator allowed this client to pass on. All of it when nothing is named. */
function narrowed(
  most: ReadonlySet<string>,
  offered: ReadonlySet<string>,
  asked: ReadonlySet<string>,
): ReadonlySet<string> {
  if (most.size > 0 && asked.isSubsetOf(offered) && includesAll(most, asked))
    return asked.size === 0 ? most : asked
  throw new errors.InvalidScope(
    'the scope is more than the token has, or than the client may pass on',
    formatScope(asked),
  )
}

function actorOf({ actor }: OwnAccessToken, clientId: string): Actor {
  const chained = { sub: clientId, ...(actor && { act: actor }) }
  if (lengthOf(chained) <= MOST_ACTORS) return chained
  throw new errors.InvalidRequest('the token was passed on too many times')
}

function lengthOf({ act }: Actor): number {
  return act ? 1 + lengthOf(act) : 1
}

/** Otherwise exchanging would be the way to take the key off a stolen token. */
function checkBinding({ jkt }: OwnAccessToken, proof: Proof | null): void {
  if (jkt === null || proof?.thumbprint === jkt) return
  throw new errors.InvalidDpopProof('subject_token is bound to a key: the proof has to be by that key')
}
