// Owns what becomes of it when a person agrees: a grant for this request, and a consent that is remembered for later ones.

import { errors, type Provider } from 'oidc-provider'
import { formatScope, IDENTITY_SCOPES, parseScope } from '../oauth/scope.ts'
import type { Audit } from '../ops/audit.ts'
import * as consents from '../storage/consents.ts'
import type { Transactions } from '../storage/transactions.ts'
import type { ClientUses } from './client-uses.ts'
import { createGrant, describeClient, requestedResource, text } from './consent-grant.ts'
import { findRequested } from './described-request.ts'
import type { Resources } from './resources.ts'

export interface AgreementNeeds {
  readonly transactions: Transactions
  readonly resources: Resources
  readonly clientUses: Pick<ClientUses, 'claim'>
  readonly audit: Pick<Audit, 'consentGiven'>
}

type Details = Awaited<ReturnType<Provider['interactionDetails']>>

/** Returns the identifier of the grant. Call it in the transaction that answers the interaction. */
export async function agree(
  provider: Provider,
  interaction: Details,
  agreed: ReadonlySet<string>,
  { transactions, resources, clientUses, audit }: AgreementNeeds,
): Promise<string> {
  const { params, session } = interaction
  const client = await provider.Client.find(text(params.client_id))
  if (!client || !session) throw new errors.SessionNotFound('the client or the person is gone')

  const asked = parseScope(text(params.scope))
  const scopes = new Set([...IDENTITY_SCOPES.filter((scope) => asked.has(scope)), ...agreed])
  // The code carries the scopes of the request, so the request becomes what the person agreed to (RFC 6749 §3.3).
  interaction.params = { ...params, scope: formatScope(scopes) }

  const owner = { accountId: session.accountId, clientId: client.clientId }
  const grant = await createGrant(provider, {
    ...owner,
    resource: requestedResource(params, resources),
    scopes,
  })
  const { redirectHost, clientFingerprint } = describeClient(client, text(params.redirect_uri))
  const resource = findRequested(params, resources)?.identifier ?? ''
  const consent = {
    userId: session.accountId,
    clientId: client.clientId,
    resource,
    scopes,
    redirectHost,
    clientFingerprint,
  }
  // A device is asked about every time, so there is nothing to remember (see consent-grant.ts).
  if (interaction.deviceCode === undefined) await consents.remember(transactions.current(), consent)
  await clientUses.claim(client.clientId, session.accountId)
  audit.consentGiven({ ...owner, userId: owner.accountId, resource, scopes: formatScope(scopes) })
  return grant.jti
}
