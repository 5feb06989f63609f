// Owns Enterprise-Managed Authorization: an assertion by the identity provider of an organization instead of a person's consent (RFC 7523 §2.1, ID-JAG).

import { type Client, errors, type Provider } from 'oidc-provider'
import type { Proof } from '../../http/dpop-proof.ts'
import type { ProtectedResource } from '../../oauth/resource.ts'
import { formatScope, intersection, parseScope, readScopesOf, scopesOf } from '../../oauth/scope.ts'
import type { Transactions } from '../../storage/transactions.ts'
import { isDocumentClient, text } from '../consent-grant.ts'
import { findResource, type Resources } from '../resources.ts'
import { accountOf } from './assertion-account.ts'
import { type Assertion, forgettableAt, readAssertion } from './id-jag.ts'
import { type GrantContext, issueAccessToken } from './issue.ts'
import { JWT_BEARER } from './names.ts'
import { proofOf } from './proof.ts'
import type { TrustedIssuer, TrustedIssuers } from './trusted-issuers.ts'

/** For `authorization_grant_profiles_supported` (draft §7.2). */
export const ID_JAG_PROFILE = 'urn:ietf:params:oauth:grant-profile:id-jag'

export interface JwtBearerNeeds {
  readonly issuer: string
  readonly trustedIssuers: TrustedIssuers
  readonly resources: Resources
  readonly transactions: Transactions
  readonly accessTokenTtlSeconds: number
  /** Told about an account that an assertion made. */
  readonly onUserCreated: (userId: string, issuer: string) => void
}

const PARAMETERS = ['assertion', 'resource', 'scope']

export function registerJwtBearer(provider: Provider, needs: JwtBearerNeeds): void {
  provider.registerGrantType(JWT_BEARER, (ctx) => redeem(ctx, needs), PARAMETERS, ['resource'])
}

async function redeem(ctx: GrantContext, needs: JwtBearerNeeds): Promise<void> {
  const { client, params, provider } = ctx.oidc
  requireNamedClient(client)
  const { issuer, assertion } = await verifiedAssertion(ctx, needs)
  const resource = resourceOf(assertion, params, needs.resources)
  const scopes = scopesFor(assertion, resource, parseScope(text(params.scope)))
  const proof = await proofOf(ctx)
  checkBinding(assertion, proof)
  // Last, so that a request with a mistake does not spend it; and before anything is made.
  if (!(await provider.ReplayDetection.unique(assertion.iss, assertion.jti, forgettableAt(assertion)))) {
    throw new errors.InvalidGrant('the assertion was used before')
  }
  const userId = await enabledUser(issuer, assertion, needs)
  const lifetimeSeconds = needs.accessTokenTtlSeconds
  const grant = await createGrant(ctx, userId, resource, scopes, lifetimeSeconds)
  await issueAccessToken(ctx, { subject: userId, grantId: grant, resource, scopes, lifetimeSeconds, proof })
}

/**
 * Draft §8.1: for confidential clients. MCP's profile adds the clients whose identifier is a metadata document, which the
 * identity provider named by that address.
 */
function requireNamedClient(client: Client): void {
  if (client.clientAuthMethod !== 'none' || isDocumentClient(client)) return
  throw new errors.UnauthorizedClient('a client without credentials needs a metadata document for this')
}

async function verifiedAssertion(
  { oidc: { client, params } }: GrantContext,
  { issuer, trustedIssuers }: JwtBearerNeeds,
): Promise<{ issuer: TrustedIssuer; assertion: Assertion }> {
  const presented = text(params.assertion)
  if (presented === '') throw new errors.InvalidRequest('assertion is missing')
  const verified = await trustedIssuers.verify(presented)
  const context = {
    typ: verified.header.typ,
    issuer,
    clientId: client.clientId,
    now: Math.floor(Date.now() / 1000),
  }
  const assertion = readAssertion(verified.claims, context)
  if (typeof assertion === 'string') throw new errors.InvalidGrant(`the assertion: ${assertion}`)
  return { issuer: verified.issuer, assertion }
}

/** MCP's profile §5.1: the token is for the resource in the assertion. What the request says has to be the same. */
function resourceOf(
  { resource: asserted }: Assertion,
  { resource: requested }: GrantContext['oidc']['params'],
  resources: Resources,
): ProtectedResource {
  const named = [asserted, requested].flat().filter((each) => each !== undefined)
  const found = named.map((each) => findResource(resources, each))
  const one = found.length === 0 ? resources.fallback() : (found[0] ?? null)
  if (one && found.every((each) => each?.identifier === one.identifier)) return one
  throw new errors.InvalidTarget('the assertion is for another resource, or for none of ours')
}

/** What both the identity provider and the client mean; reading, when the identity provider does not say. */
function scopesFor(
  { scope }: Assertion,
  resource: ProtectedResource,
  asked: ReadonlySet<string>,
): ReadonlySet<string> {
  const offered = new Set(scopesOf(resource))
  const asserted = scope === undefined ? new Set(readScopesOf(resource)) : parseScope(scope)
  const granted = intersection(offered, asked.size === 0 ? asserted : intersection(asserted, asked))
  if (granted.size > 0) return granted
  throw new errors.InvalidScope('the assertion allows nothing of what is asked for', formatScope(asked))
}

/** RFC 7800: whom the assertion is bound to has to be the one who presents it. */
function checkBinding({ cnf }: Assertion, proof: Proof | null): void {
  if (cnf === undefined || proof?.thumbprint === cnf.jkt) return
  throw new errors.InvalidDpopProof('the assertion is bound to a key: the proof has to be by that key')
}

async function enabledUser(
  issuer: TrustedIssuer,
  assertion: Assertion,
  { transactions, onUserCreated }: JwtBearerNeeds,
): Promise<string> {
  const account = await accountOf(transactions.current(), issuer, assertion)
  if (!account) throw new errors.InvalidGrant('the assertion is about nobody who has an account here')
  if (account.user.disabledAt) throw new errors.InvalidGrant('the account is disabled')
  if (account.isNew) onUserCreated(account.user.id, issuer.name)
  return account.user.id
}

/** A row that lives as long as the token, so that revoking it, the person or the client ends the token. */
async function createGrant(
  { oidc: { provider, client } }: GrantContext,
  accountId: string,
  resource: ProtectedResource,
  scopes: ReadonlySet<string>,
  lifetimeSeconds: number,
): Promise<string> {
  const grant = new provider.Grant({ accountId, clientId: client.clientId })
  grant.exp = Math.floor(Date.now() / 1000) + lifetimeSeconds
  grant.addResourceScope(resource.identifier, formatScope(scopes))
  return await grant.save()
}
