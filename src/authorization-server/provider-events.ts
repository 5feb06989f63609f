// Owns the translation of oidc-provider's events into audit records and log lines.

import type { errors, KoaContextWithOIDC, Provider } from 'oidc-provider'
import { OutboundError } from '../http/outbound.ts'
import type { Audit } from '../ops/audit.ts'
import { text } from './consent-grant.ts'
import { CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE } from './grants/names.ts'

export interface EventNeeds {
  readonly audit: Audit
  readonly logError: (error: Error, message: string) => void
}

const GRANT_TYPES: ReadonlySet<string> = new Set([
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
  CLIENT_CREDENTIALS,
  JWT_BEARER,
  TOKEN_EXCHANGE,
])

export function recordEvents(provider: Provider, { audit, logError }: EventNeeds): void {
  provider.on('registration_create.success', (ctx, client) => {
    audit.clientRegistered({ clientId: client.clientId, name: client.clientName, ip: ctx.ip })
  })
  provider.on('registration_create.error', (ctx, error) => {
    audit.clientRefused({ error: error.error, detail: detailOf(error), ip: ctx.ip })
  })
  provider.on('authorization.error', (ctx, error) => {
    // What a person denies is recorded where that is decided.
    if (error.error === 'access_denied') return
    audit.authorizationRefused({
      clientId: text(ctx.oidc.params?.client_id),
      error: error.error,
      detail: detailOf(error),
      ip: ctx.ip,
    })
  })
  provider.on('grant.success', (ctx) => {
    const { client, entities, params } = ctx.oidc
    audit.tokenIssued({
      userId: entities.Account?.accountId,
      clientId: client?.clientId,
      grantType: grantTypeIn(params),
      scope: (entities.AccessToken ?? entities.ClientCredentials)?.scope,
    })
  })
  provider.on('grant.error', (ctx, error) => {
    // A device asks every few seconds until its person has answered.
    if (error.error === 'authorization_pending') return
    const { client, params } = ctx.oidc
    audit.tokenRefused({
      clientId: client?.clientId,
      grantType: grantTypeIn(params),
      error: error.error,
      detail: detailOf(error),
      ip: ctx.ip,
    })
  })
  provider.on('grant.revoked', (ctx, grantId) => {
    audit.grantRevoked({ grantId, clientId: ctx.oidc.client?.clientId, reason: reasonOf(ctx) })
  })
  provider.on('server_error', (_ctx, error) => logError(error, 'the authorization server failed'))
}

/** What a client sends instead of one may be anything, a token included. */
function grantTypeIn(params: KoaContextWithOIDC['oidc']['params']): string {
  const grantType = text(params?.grant_type)
  return GRANT_TYPES.has(grantType) ? grantType : 'unknown'
}

/** oidc-provider tells clients "grant request is invalid" and keeps the reason apart. */
function detailOf(error: errors.OIDCProviderError): string | undefined {
  if (error.cause instanceof OutboundError) return error.cause.detail
  return error.error_detail ?? error.error_description
}

function reasonOf({ oidc: { params } }: KoaContextWithOIDC): string {
  const grantType = text(params?.grant_type)
  if (grantType === 'refresh_token') return 'a refresh token was used again after its grace window'
  if (grantType === 'authorization_code') return 'an authorization code was used again'
  return 'revoked'
}
