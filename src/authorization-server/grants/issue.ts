// Owns the last step of the grants that are written here: one access token for one resource, and the answer with it.

import type { TokenEndpointGrantContext } from 'oidc-provider'
import type { Proof } from '../../http/dpop-proof.ts'
import type { ProtectedResource } from '../../oauth/resource.ts'
import { formatScope } from '../../oauth/scope.ts'
import { type Actor, setActor } from '../access-token-claims.ts'
import { resourceServerOf } from '../resources.ts'

export type GrantContext = TokenEndpointGrantContext

export interface Issue {
  readonly subject: string
  readonly grantId: string
  readonly resource: ProtectedResource
  readonly scopes: ReadonlySet<string>
  readonly lifetimeSeconds: number
  /** Binds the token to its key. */
  readonly proof: Proof | null
  readonly actor?: Actor
  /** RFC 8693 §2.2.1: what an exchange gave. */
  readonly issuedTokenType?: typeof ACCESS_TOKEN_TYPE
}

export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token'

/** Never a refresh token: what these grants are given can be presented again, or was short-lived on purpose. */
export async function issueAccessToken(ctx: GrantContext, issue: Issue): Promise<void> {
  const { provider, client, params } = ctx.oidc
  const { subject, grantId, resource, scopes, lifetimeSeconds, proof, actor } = issue
  const token = new provider.AccessToken({
    client,
    accountId: subject,
    grantId,
    gty: params.grant_type,
    scope: formatScope(scopes),
    expiresIn: lifetimeSeconds,
    resourceServer: new provider.ResourceServer(
      resource.identifier,
      resourceServerOf(resource, lifetimeSeconds),
    ),
  })
  if (proof) token.setThumbprint('jkt', proof.thumbprint)
  if (actor) setActor(token, actor)
  ctx.oidc.entity('AccessToken', token)
  ctx.body = {
    access_token: await token.save(),
    token_type: token.tokenType,
    expires_in: lifetimeSeconds,
    scope: token.scope,
    issued_token_type: issue.issuedTokenType,
  }
}
