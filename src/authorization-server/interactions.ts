// Owns what the pages see of an authorization request in progress: one port, so that no page knows oidc-provider.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Client, errors, type Provider } from 'oidc-provider'
import type { ProtectedResource, ToolScope } from '../oauth/resource.ts'
import { formatScope, parseScope, scopesOf } from '../oauth/scope.ts'
import type { Audit } from '../ops/audit.ts'
import * as consents from '../storage/consents.ts'
import type { Transactions } from '../storage/transactions.ts'
import type { ClientUses } from './client-uses.ts'
import {
  createGrant,
  describeClient,
  IDENTITY_SCOPES,
  isDocumentClient,
  requestedResource,
  text,
} from './consent-grant.ts'
import { PAGES_CLIENT_ID } from './pages-client.ts'
import { formActionSource } from './redirect-uris.ts'
import { findResource, type Resources } from './resources.ts'

export interface PendingInteraction {
  readonly uid: string
  readonly prompt: 'login' | 'consent'
  /** Who is signed in, null for nobody yet. */
  readonly accountId: string | null
  readonly loginHint: string | null
  /** Null when the person signs in to our own pages. */
  readonly client: InteractionClient | null
  /** What the client asks for at a protected resource; null when it only asks who the person is. */
  readonly requested: RequestedAccess | null
  /** What it asks to know about the person: of `openid`, `profile`, `email`. */
  readonly identity: readonly string[]
}

export interface InteractionClient {
  readonly id: string
  readonly name: string
  readonly uri: string | null
  readonly redirectHost: string
  readonly redirectIsLoopback: boolean
  /** Where the page's form may end up: a source for the Content-Security-Policy directive form-action. */
  readonly redirectSource: string
  /** The host that published the client's metadata document; null for a client that registered itself. */
  readonly idHost: string | null
}

export interface RequestedAccess {
  readonly resource: string
  readonly upstream: string
  readonly title: string
  readonly toolScopes: readonly ToolScope[]
  readonly scopes: ReadonlySet<string>
  /** When the person agreed to something here before, in seconds since the epoch. */
  readonly agreedAt: number | null
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
  /** Who is signed in with this browser, outside of any interaction. */
  signedInAs(request: FastifyRequest, reply: FastifyReply): Promise<string | null>
}

export interface InteractionNeeds {
  readonly provider: () => Provider
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
        return client ? await describe(interaction, client, needs) : null
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
      const { params } = await details(request, reply)
      await endSession(provider(), request, reply)
      return `/authorize?${new URLSearchParams(parameters(params))}`
    },

    async signedInAs(request, reply) {
      const session = await sessionOf(provider(), request, reply)
      return session.accountId ?? null
    },
  }
}

async function describe(
  interaction: Details,
  client: Client,
  { resources, transactions }: InteractionNeeds,
): Promise<PendingInteraction> {
  const { params, prompt, session, uid } = interaction
  const scopes = parseScope(text(params.scope))
  const resource = findRequested(params, resources)
  const requestedAccess = async ({ identifier, upstream, title, toolScopes }: ProtectedResource) => ({
    resource: identifier,
    upstream,
    title,
    toolScopes,
    scopes: new Set(scopesOf({ upstream, toolScopes }).filter((scope) => scopes.has(scope))),
    agreedAt: await agreedAt(identifier),
  })
  const agreedAt = async (identifier: string) => {
    if (!session) return null
    const key = { userId: session.accountId, clientId: client.clientId, resource: identifier }
    const consent = await consents.find(transactions.current(), key)
    return consent && Math.floor(consent.grantedAt.getTime() / 1000)
  }
  return {
    uid,
    prompt: prompt.name === 'consent' ? 'consent' : 'login',
    accountId: session?.accountId ?? null,
    loginHint: text(params.login_hint) || null,
    client: client.clientId === PAGES_CLIENT_ID ? null : describeForPeople(client, text(params.redirect_uri)),
    requested: resource && (await requestedAccess(resource)),
    identity: IDENTITY_SCOPES.filter((scope) => scopes.has(scope)),
  }
}

function describeForPeople(client: Client, redirectUri: string): InteractionClient {
  const { redirectHost, redirectIsLoopback } = describeClient(client, redirectUri)
  return {
    id: client.clientId,
    name: client.clientName ?? redirectHost,
    uri: client.clientUri ?? null,
    redirectHost,
    redirectIsLoopback,
    redirectSource: formActionSource(redirectUri),
    idHost: isDocumentClient(client) ? new URL(client.clientId).host : null,
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
  await consents.remember(transactions.current(), consent)
  await clientUses.claim(client.clientId, session.accountId)
  audit.consentGiven({ ...owner, userId: owner.accountId, resource, scopes: formatScope(scopes) })
  return grant.jti
}

function sessionOf(provider: Provider, request: FastifyRequest, reply: FastifyReply) {
  return provider.Session.get(provider.createContext(request.raw, reply.raw))
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

function findRequested(params: Details['params'], resources: Resources) {
  const indicator = requestedResource(params, resources)
  return indicator === null ? null : findResource(resources, indicator)
}

function uidOf(request: FastifyRequest): unknown {
  const { params } = request
  return typeof params === 'object' && params !== null && 'uid' in params ? params.uid : undefined
}
