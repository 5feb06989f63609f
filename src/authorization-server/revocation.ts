// Owns what a client can take back (RFC 7009): its tokens, and with any of them the whole grant that they came from.

import { type Configuration, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import type { OwnAccessToken, OwnAccessTokens } from './own-access-tokens.ts'
import { answerStructuredTokens } from './structured-tokens.ts'

export const REVOCATION_PATH = '/revoke'

type Features = NonNullable<Configuration['features']>

/** For refresh tokens, which oidc-provider stores. A stranger's token is treated like an unknown one (§2.2). */
export function revocation(): NonNullable<Features['revocation']> {
  return { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId }
}

/** For our access tokens, which nothing stores: the gateway knows them by their grant. */
export function revokeAccessTokens(provider: Provider, tokens: OwnAccessTokens): void {
  answerStructuredTokens(provider, {
    path: REVOCATION_PATH,
    onError: (listener) => provider.on('revocation.error', listener),
    answer: async (ctx, value) => {
      const token = await tokens.read(value)
      if (token && token.clientId === ctx.oidc.client?.clientId) await revoke(ctx, token)
      return null
    },
  })
}

/** §2.1: revoking an access token may revoke its refresh token. Here it does: the grant is what is known of either. */
async function revoke(ctx: KoaContextWithOIDC, { grantId, actor }: OwnAccessToken): Promise<void> {
  const { provider } = ctx.oidc
  // Its grant is another client's, and so not this client's to end. It ends with the token that it was made from.
  if (actor)
    throw new errors.UnsupportedTokenType('a token from an exchange is revoked with the one it came from')
  await provider.RefreshToken.revokeByGrantId(grantId)
  // Also of a client's own token, whose grant nothing stores: this is what tells the gateways.
  await provider.Grant.adapter.destroy(grantId)
  provider.emit('grant.revoked', ctx, grantId)
}
