// Owns our access tokens at the endpoints where oidc-provider knows only the tokens that it stores (RFC 7009, RFC 7662).

import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'

const FAULT = new errors.OIDCProviderError(500, 'server_error')

export interface TokenEndpoint {
  readonly path: string
  /** Hears of oidc-provider's errors there. */
  readonly onError: (listener: (ctx: KoaContextWithOIDC, error: Error) => void) => void
  /** Gives the answer's body; null for none. Throws OIDCProviderError for what the client must be told. */
  readonly answer: (ctx: KoaContextWithOIDC, token: string) => Promise<object | null>
}

/**
 * oidc-provider authenticates the client, reads the request, and then says that it does not do this for JWTs. Exactly then
 * the answer is made here; every other refusal stands.
 */
export function answerStructuredTokens(provider: Provider, { path, onError, answer }: TokenEndpoint): void {
  const refused = new WeakSet<object>()
  onError((ctx, error) => {
    if (error instanceof errors.UnsupportedTokenType) refused.add(ctx)
  })
  provider.use(async (ctx: KoaContextWithOIDC, next) => {
    if (ctx.method !== 'POST' || ctx.path !== path) return next()
    // These are endpoints for programs: without this a browser's Accept would turn an error into a page.
    ctx.req.headers.accept = 'application/json'
    await next()
    if (!refused.has(ctx)) return
    await respond(ctx, answer)
  })
}

async function respond(ctx: KoaContextWithOIDC, answer: TokenEndpoint['answer']): Promise<void> {
  const token: unknown = ctx.oidc.params?.token
  try {
    const body = await answer(ctx, String(token))
    ctx.status = 200
    ctx.body = body ?? ''
  } catch (error) {
    const known = error instanceof errors.OIDCProviderError ? error : FAULT
    // As oidc-provider does: whoever listens logs it, and says so when it is an outage.
    if (known === FAULT) ctx.oidc.provider.emit('server_error', ctx, error)
    ctx.status = known.statusCode
    ctx.body = {
      error: known.error,
      error_description: known.error_description ?? 'something went wrong here',
    }
  }
}
