// Owns how consent becomes a grant: the one just given, or the one remembered (walk B).

import type { Client, Grant, KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { ConsentQuestion, DecideConsent } from '../oauth/consent-question.ts'
import type { ProtectedResource } from '../oauth/resource.ts'
import { formatScope, IDENTITY_SCOPES, parseScope, scopesOf } from '../oauth/scope.ts'
import * as consents from '../storage/consents.ts'
import type { Transactions } from '../storage/transactions.ts'
import { clientFingerprint } from './client-fingerprint.ts'
import { isShared, marksOf } from './client-marks.ts'
import { PAGES_CLIENT_ID } from './pages-client.ts'
import { isLoopbackRedirect, redirectHost } from './redirect-uris.ts'
import { findResource, type Resources } from './resources.ts'
import type { StepUps } from './step-up.ts'

export interface GrantNeeds {
  readonly transactions: Transactions
  readonly resources: Resources
  /**
   * Whether tools that are held until agreed to, and that the asker may have at all, came to this resource after the moment
   * (seconds since the epoch).
   */
  readonly hasHeldTools: (
    resource: ProtectedResource,
    agreedAt: number,
    asker: Pick<NewGrant, 'accountId' | 'clientId'>,
  ) => Promise<boolean>
  readonly decideConsent: DecideConsent
  /** Whether a client of this person was just made to ask for more. */
  readonly startsOver: StepUps['startsOver']
}

/**
 * Each authorization gets a grant of its own, so that revoking one (or its refresh token being replayed) leaves the
 * person's other devices alone; what the person agreed to is remembered apart from it.
 */
export function createGrantLoader(needs: GrantNeeds) {
  const { transactions, resources, decideConsent, hasHeldTools, startsOver } = needs
  const hasUnseenTools = async (
    resource: ProtectedResource | null,
    remembered: consents.Consent | null,
    asker: Pick<NewGrant, 'accountId' | 'clientId'>,
  ) =>
    resource !== null &&
    remembered !== null &&
    (await hasHeldTools(resource, Math.floor(remembered.grantedAt.getTime() / 1000), asker))

  const mustAsk = (client: Client, accountId: string, question: ConsentQuestion) =>
    !needsNoConsent(client) && (decideConsent(question) === 'ask' || startsOver(accountId, client.clientId))

  return async (ctx: KoaContextWithOIDC): Promise<Grant | undefined> => {
    const { client, account, provider, result } = ctx.oidc
    if (!client || !account) return undefined
    if (result?.consent?.grantId) return provider.Grant.find(result.consent.grantId)

    const owner = { accountId: account.accountId, clientId: client.clientId }
    const asked = parseScope(text(ctx.oidc.params?.scope))
    if (client.clientId === PAGES_CLIENT_ID)
      return createGrant(provider, { ...owner, resource: null, scopes: asked })

    const indicator = requestedResource(ctx.oidc.params, resources)
    const resource = indicator === null ? null : findResource(resources, indicator)
    // What cannot be granted was never agreed to, and must not be a reason to ask each time.
    const scopes = new Set(grantable(resource).filter((scope) => asked.has(scope)))
    const remembered = await recall(transactions, client, {
      userId: account.accountId,
      clientId: client.clientId,
      resource: resource?.identifier ?? '',
    })
    const question = {
      ...describeClient(client, text(ctx.oidc.params?.redirect_uri)),
      requested: scopes,
      remembered,
      hasHeldTools: await hasUnseenTools(resource, remembered, owner),
      prompt: text(ctx.oidc.params?.prompt),
    }
    // RFC 8628 §5.4: only the person knows whose device shows the code, so they are asked about every one.
    if (ctx.oidc.deviceCode) return undefined
    if (mustAsk(client, account.accountId, question)) return undefined
    return createGrant(provider, { ...owner, resource: indicator, scopes })
  }
}

function grantable(resource: ProtectedResource | null): readonly string[] {
  return [...IDENTITY_SCOPES, ...(resource ? scopesOf(resource) : [])]
}

/** The operator has vouched for it. A request that insists on the question (`prompt=consent`) still gets it. */
function needsNoConsent(client: Client): boolean {
  return marksOf(client.metadata()).skipConsent
}

/** What was agreed to with a client whose identifier others have too is not remembered (decision 0014). */
async function recall(
  transactions: Transactions,
  client: Client,
  key: consents.ConsentKey,
): Promise<consents.Consent | null> {
  return isShared(client.metadata()) ? null : consents.find(transactions.current(), key)
}

export interface NewGrant {
  readonly accountId: string
  readonly clientId: string
  /** As the client spelled it; null for a request that is only about the person. */
  readonly resource: string | null
  readonly scopes: ReadonlySet<string>
}

export async function createGrant(
  provider: Provider,
  { accountId, clientId, resource, scopes }: NewGrant,
): Promise<Grant> {
  const grant = new provider.Grant({ accountId, clientId })
  const identity = IDENTITY_SCOPES.filter((scope) => scopes.has(scope))
  if (identity.length > 0) grant.addOIDCScope(formatScope(identity))
  const others = [...scopes].filter((scope) => !IDENTITY_SCOPES.includes(scope))
  if (resource !== null && others.length > 0) grant.addResourceScope(resource, formatScope(others))
  await grant.save()
  return grant
}

/** The `resource` of an authorization request as the client spelled it, or the one it means by naming none. */
export function requestedResource(
  params: Readonly<Record<string, unknown>> | undefined,
  resources: Resources,
): string | null {
  const { resource } = params ?? {}
  const one = Array.isArray(resource) ? resource[0] : resource
  return typeof one === 'string' ? one : (resources.fallback()?.identifier ?? null)
}

/** What consent depends on beside the scopes: who the client says it is, and where the code goes. */
export function describeClient(client: Client, redirectUri: string) {
  return {
    clientFingerprint: clientFingerprint(client.metadata()),
    redirectHost: redirectHost(redirectUri),
    redirectIsLoopback: isLoopbackRedirect(redirectUri),
    clientIsPublicDocument: isDocumentClient(client),
  }
}

export function isDocumentClient(client: Client): boolean {
  return client.clientId.startsWith('https://')
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
