// Owns what resource servers learn about tokens (RFC 7662): those that an operator made one, and only about what is theirs.

import type { Client, KoaContextWithOIDC, Provider } from 'oidc-provider'
import { formatScope } from '../oauth/scope.ts'
import { marksOf, mayIntrospect } from './client-marks.ts'
import type { OwnAccessToken, OwnAccessTokens } from './own-access-tokens.ts'
import { findResource, type Resources } from './resources.ts'
import { answerStructuredTokens } from './structured-tokens.ts'

export const INTROSPECTION_PATH = '/introspect'

const INACTIVE = { active: false }
const NOT_ONE = 'only a resource server that an operator registered may introspect tokens'

export interface IntrospectionNeeds {
  readonly issuer: string
  readonly tokens: OwnAccessTokens
}

/** For the tokens that oidc-provider stores: refresh tokens. */
export function introspection(resources: Resources) {
  return {
    enabled: true,
    allowedPolicy: (_ctx: KoaContextWithOIDC, client: Client, token: object): boolean => {
      const indicators = indicatorsOf(token)
      return (
        indicators.length > 0 &&
        indicators.every((indicator) => isOf(client, findResource(resources, indicator)?.identifier))
      )
    },
  }
}

/** As the client spelled them when it asked for the grant. */
function indicatorsOf(token: object): readonly string[] {
  const resource: unknown = 'resource' in token ? token.resource : undefined
  return [resource].flat().filter((each) => typeof each === 'string')
}

/** For our access tokens, which nothing stores. */
export function introspectAccessTokens(provider: Provider, { issuer, tokens }: IntrospectionNeeds): void {
  refuseOthers(provider)
  answerStructuredTokens(provider, {
    path: INTROSPECTION_PATH,
    onError: (listener) => provider.on('introspection.error', listener),
    answer: async (ctx, value) => {
      const { client } = ctx.oidc
      const token = await tokens.read(value)
      // RFC 7662 §2.2: no reason is given, and somebody else's token is as good as none.
      if (!token || !client || !isOf(client, token.resource)) return INACTIVE
      return (await tokens.isAlive(token)) ? describe(token, issuer) : INACTIVE
    },
  })
}

/** An unknown token tells a client that is no resource server as little as a known one. */
function refuseOthers(provider: Provider): void {
  provider.use(async (ctx: KoaContextWithOIDC, next) => {
    await next()
    if (ctx.method !== 'POST' || ctx.path !== INTROSPECTION_PATH || ctx.status !== 200) return
    const { client } = ctx.oidc
    if (client && isResourceServer(client)) return
    ctx.status = 403
    ctx.body = { error: 'unauthorized_client', error_description: NOT_ONE }
  })
}

function isResourceServer(client: Client): boolean {
  const { introspects } = marksOf(client.metadata())
  return client.clientAuthMethod !== 'none' && (introspects === null || introspects.size > 0)
}

function isOf(client: Client, resource: string | undefined): boolean {
  return resource !== undefined && mayIntrospect(marksOf(client.metadata()), resource)
}

function describe(token: OwnAccessToken, issuer: string): object {
  return {
    active: true,
    iss: issuer,
    sub: token.subject,
    client_id: token.clientId,
    aud: token.resource,
    scope: formatScope(token.scopes),
    token_type: token.jkt === null ? 'Bearer' : 'DPoP',
    jti: token.id,
    iat: token.issuedAt,
    exp: token.expiresAt,
    ...(token.jkt !== null && { cnf: { jkt: token.jkt } }),
    ...(token.actor && { act: token.actor }),
    ...(token.groups.length > 0 && { groups: token.groups }),
  }
}
