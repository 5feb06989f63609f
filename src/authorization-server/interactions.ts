// Owns what the pages see of an authorization request in progress: one port, so that no page knows oidc-provider.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Client, errors, type Provider } from 'oidc-provider'
import type { Audit } from '../ops/audit.ts'
import * as consents from '../storage/consents.ts'
import { type AgreementNeeds, agree } from './agreement.ts'
import { text } from './consent-grant.ts'
import { type DescribedRequest, describeRequest, findRequested } from './described-request.ts'
import { beginInteraction, type DeviceOrigin, originOf, spell } from './devices.ts'
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
  /**
   * Where the request of an interaction begins again that `find` does not find because its person has signed out since, or
   * another one has signed in; null when that is not why.
   */
  beginsAgainAt(request: FastifyRequest, reply: FastifyReply): Promise<string | null>
  /** Each of these answers the interaction and returns the URL to redirect to (303). */
  signIn(request: FastifyRequest, reply: FastifyReply, accountId: string): Promise<string>
  /** `scopes`: what the person agreed to, which may be less or more than was asked for. */
  allow(request: FastifyRequest, reply: FastifyReply, scopes: ReadonlySet<string>): Promise<string>
  deny(request: FastifyRequest, reply: FastifyReply): Promise<string>
  /** Signs the browser out and begins the same authorization request again, so that somebody else can sign in. */
  switchAccount(request: FastifyRequest, reply: FastifyReply): Promise<string>
}

export interface InteractionNeeds extends AgreementNeeds {
  readonly provider: () => Provider
  readonly issuer: string
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

    async beginsAgainAt(request, reply) {
      const interaction = await findLeft(provider(), request, reply)
      if (interaction === null || interaction.uid !== uidOf(request) || interaction.deviceCode) return null
      const isStill = await details(request, reply).then(() => true, isOfSession)
      return isStill ? null : authorizationOf(interaction)
    },

    signIn(request, reply, accountId) {
      return transactions.run(async () => {
        const interaction = await details(request, reply)
        // Also one that was begun in another tab, after this page was opened: whoever typed a password wants that account.
        const session = await sessionOf(provider(), request, reply)
        if (session.accountId !== undefined && session.accountId !== accountId) {
          await session.destroy()
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
      return authorizationOf({ params })
    },
  }
}

/** The interaction of this page, whoever is signed in by now. */
async function findLeft(provider: Provider, request: FastifyRequest, reply: FastifyReply) {
  const { cookies } = provider.createContext(request.raw, reply.raw)
  const id = cookies.get(provider.cookieName('interaction'), { signed: true })
  return (id !== undefined && (await provider.Interaction.find(id))) || null
}

/** False for an interaction whose session is over; any other error is thrown again. */
function isOfSession(error: unknown): false {
  if (error instanceof errors.SessionNotFound) return false
  throw error
}

function authorizationOf({ params }: Pick<Details, 'params'>): string {
  return `/authorize?${new URLSearchParams(parameters(params))}`
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
