// Owns what a client is told that does not say who it is.

import type { KoaContextWithOIDC, Provider } from 'oidc-provider'

/** By which of them a client can be known (RFC 6749 §2.3.1, RFC 7523 §2.2). */
const NAMING = ['client_id', 'client_assertion'] as const
const WHAT_TO_SEND =
  'no client is named; send client_id, and with it the secret or the assertion of a client that has one'

/** RFC 6749 §3.2.1: a refresh without `client_id` is the usual case. */
export function tellUnnamedClients(provider: Provider): void {
  provider.use(async (ctx: KoaContextWithOIDC, next) => {
    await next()
    if (ctx.status !== 400 || ctx.headers.authorization !== undefined) return
    const { params, client } = ctx.oidc ?? {}
    if (!params || client || NAMING.some((name) => params[name] !== undefined)) return
    const { body } = ctx
    if (typeof body !== 'object' || body === null || !('error' in body) || body.error !== 'invalid_request')
      return
    ctx.body = { ...body, error_description: WHAT_TO_SEND }
  })
}
