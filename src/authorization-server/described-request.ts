// Owns how a client's request is described to the person who is asked.

import type { Client } from 'oidc-provider'
import type { OfferedUpstream } from '../oauth/resource.ts'
import { IDENTITY_SCOPES, parseScope, scopesOf } from '../oauth/scope.ts'
import { describeClient, isDocumentClient, requestedResource, text } from './consent-grant.ts'
import { PAGES_CLIENT_ID } from './pages-client.ts'
import { formActionSource } from './redirect-uris.ts'
import { findResource, type Resources } from './resources.ts'

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
  readonly title: string
  readonly upstreams: readonly OfferedUpstream[]
  readonly scopes: ReadonlySet<string>
  /** When the person agreed to something here before, in seconds since the epoch. */
  readonly agreedAt: number | null
}

export interface DescribedRequest {
  /** Null when the person signs in to our own pages. */
  readonly client: InteractionClient | null
  /** What the client asks for at a protected resource; null when it only asks who the person is. */
  readonly requested: RequestedAccess | null
  /** What it asks to know about the person: of `openid`, `profile`, `email`. */
  readonly identity: readonly string[]
}

type Parameters = Readonly<Record<string, unknown>>

/** Who asks, and for what. */
export function describeRequest(
  client: Client,
  params: Parameters,
  resources: Resources,
  agreed?: Date,
): DescribedRequest {
  const scopes = parseScope(text(params.scope))
  const resource = findRequested(params, resources)
  const offered = resource ? scopesOf(resource).filter((scope) => scopes.has(scope)) : []
  return {
    client: client.clientId === PAGES_CLIENT_ID ? null : describeForPeople(client, text(params.redirect_uri)),
    requested: resource
      ? {
          resource: resource.identifier,
          title: resource.title,
          upstreams: resource.upstreams,
          agreedAt: agreed ? Math.floor(agreed.getTime() / 1000) : null,
          scopes: new Set(offered),
        }
      : null,
    identity: IDENTITY_SCOPES.filter((scope) => scopes.has(scope)),
  }
}

export function describeForPeople(client: Client, redirectUri: string): InteractionClient {
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

export function findRequested(params: Parameters, resources: Resources) {
  const indicator = requestedResource(params, resources)
  return indicator === null ? null : findResource(resources, indicator)
}
