// Owns what the pages see of an authorization request in progress: one port, so that no page knows oidc-provider.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Client, errors, type Provider } from 'oidc-provider'
import { formatScope, parseScope } from '../oauth/scope.ts'
import type { Audit } from '../ops/audit.ts'
import * as consents from '../storage/consents.ts'
import type { Transactions } from '../storage/transactions.ts'
import type { ClientUses } from './client-uses.ts'
import { createGrant, describeClient, IDENTITY_SCOPES, requestedResource, text } from './consent-grant.ts'
import { type DescribedRequest, describeRequest, findRequested } from './described-request.ts'
import { beginInteraction, type DeviceOrigin, originOf, spell } from './devices.ts'
import type { Resources } from './resources.ts'
import { sessionOf } from './sessions.ts'

export type { InteractionClient, RequestedAccess } from './described-request.ts'

export interface PendingInteraction extends DescribedRequest {
  readonly uid: string
  readonly prompt: 'login' | 'consent'
  /** Who is signed in, null for nobody yet. */
  readonly accountId: string | null
  readonly loginHint: string | null
  /** The device that asked with a code (RFC 8628); null when the browser itself was sent here. */
  readonly device: AskingDevice | null
}

export interface AskingDevice {
  /** As the device shows it. */
  readonly userCode: string
  readonly askedFrom: DeviceOrigin
}

export interface Interactions {
  /** The interaction that this browser started under this address; null when expired, unknown, or another browser's. */
  find(request: FastifyRequest, reply: FastifyReply): Promise<PendingInteraction | null>
  /** Each of these answers the interaction and returns the URL to redirect to (303). */
  signIn(request: FastifyRequest, reply: FastifyReply, accountId: string): Promise<string>
  /** `scopes`: what the person agreed to, which may be less or more than was asked for. */
  allow(request: FastifyRequest, reply: FastifyReply, scopes: ReadonlySet<string>): Promise<string>
  deny(request: FastifyRequest, reply: FastifyReply): Promise<string>
  /** Signs the browser out and begins the same authorization request again, so that somebody else can sign in. */
  switchAccount(request: FastifyRequest, reply: FastifyReply): Promise<string>
}

export interface InteractionNeeds {
  readonly provider: () => Provider
  readonly issuer: string
  readonly transactions: Transactions
  readonly resources: Resources
  readonly clientUses: Pick<ClientUses, 'claim'>
  readonly audit: Pick<Audit, 'consentGiven' | 'consentDenied'>
}

type Details = Awaited<ReturnType<Provider['interactionDetails']>>

export function createInteractions(needs: InteractionNeeds): Interactions {
  const { provider, transactions, audit } = needs
  const details = (request: FastifyRequest, reply: FastifyReply) =>
    provider().interactionDetails(request.raw, reply.raw)

  return {
    async find(request, reply) {
      try {
        const interaction = await details(request, reply)
        if (interaction.uid !== uidOf(request)) return null
        const client = await provider().Client.find(text(interaction.params.client_id))
        if (!client) return null
        const device = await findDevice(provider(), interaction)
        return { ...(await describe(interaction, client, needs)), device }
      } catch (error) {
        if (error instanceof errors.SessionNotFound) return null
        throw error
      }
    },

    signIn(request, reply, accountId) {
      return transactions.run(async () => {
        const interaction = await details(request, reply)
        if (interaction.session && interaction.session.accountId !== accountId) {
          await endSession(provider(), request, reply)
          interaction.session = undefined
        }
        interaction.result = { login: { accountId, remember: true }, select_account: {} }
        await interaction.persist()
        return interaction.returnTo
      })
    },

    allow(request, reply, scopes) {
      return transactions.run(async () => {
        const interaction = await details(request, reply)
        const grantId = await agree(provider(), interaction, scopes, needs)
        interaction.result = { ...interaction.lastSubmission, consent: { grantId } }
        await interaction.persist()
        return interaction.returnTo
      })
    },

    async deny(request, reply) {
      const { params, session } = await details(request, reply)
      audit.consentDenied({ userId: session?.accountId ?? null, clientId: text(params.client_id) })
      const result = { error: 'access_denied', error_description: 'The person did not agree' }
      return provider().interactionResult(request.raw, reply.raw, result, { mergeWithLastSubmission: false })
    },

    async switchAccount(request, reply) {
      const interaction = await details(request, reply)
      const { params } = interaction
      await endSession(provider(), request, reply)
      const code = await deviceCodeOf(provider(), interaction)
      if (code) return beginInteraction({ ...needs, provider: provider() }, request, reply, code)
      return `/authorize?${new URLSearchParams(parameters(params))}`
    },
  }
}

async function deviceCodeOf(provider: Provider, { deviceCode }: Details) {
  if (deviceCode === undefined) return null
  return (await provider.DeviceCode.find(deviceCode, { ignoreExpiration: true })) ?? null
}

async function findDevice(provider: Provider, interaction: Details): Promise<AskingDevice | null> {
  const code = await deviceCodeOf(provider, interaction)
  return code && { userCode: spell(code.userCode), askedFrom: originOf(code) }
}

async function describe(interaction: Details, client: Client, { resources, transactions }: InteractionNeeds) {
  const { params, prompt, session, uid } = interaction
  const resource = findRequested(params, resources)
  const consent =
    session &&
    (await consents.find(transactions.current(), {
      userId: session.accountId,
      clientId: client.clientId,
      resource: resource?.identifier ?? '',
    }))
  return {
    uid,
    prompt: prompt.name === 'consent' ? ('consent' as const) : ('login' as const),
    accountId: session?.accountId ?? null,
    loginHint: text(params.login_hint) || null,
    ...describeRequest(client, params, resources, consent?.grantedAt),
  }
}

/** Stores what the person agreed to, for this request as a grant and for later ones as a remembered consent. */
async function agree(
  provider: Provider,
  interaction: Details,
  agreed: ReadonlySet<string>,
  { transactions, resources, clientUses, audit }: InteractionNeeds,
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

/** The cookie that is left behind leads nowhere. */
async function endSession(provider: Provider, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const session = await sessionOf(provider, request, reply)
  await session.destroy()
}

function parameters(params: Details['params']): [string, string][] {
  return Object.entries(params).flatMap(([name, value]) =>
    [value].flat().map((each): [string, string] => [name, text(each)]),
  )
}

function uidOf(request: FastifyRequest): unknown {
  const { params } = request
  return typeof params === 'object' && params !== null && 'uid' in params ? params.uid : undefined
}
