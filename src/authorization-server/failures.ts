// Owns which answers of the endpoints for clients are failures: a wrong secret, code or token, or one of nobody.

import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import { INTROSPECTION_PATH } from './introspection.ts'
import { TOKEN_PATH } from './lookups.ts'
import { REVOCATION_PATH } from './revocation.ts'

/** Where a client, or whoever says that it is one, has to know something. */
export const PROVING_PATHS: ReadonlySet<string> = new Set([
  TOKEN_PATH,
  INTROSPECTION_PATH,
  REVOCATION_PATH,
  '/userinfo',
])

/** Steps on the way (RFC 8628 §3.5, RFC 9449 §8), which well-behaved clients take all the time. */
const NO_FAILURES: ReadonlySet<unknown> = new Set(['authorization_pending', 'slow_down', 'use_dpop_nonce'])

/** Tells the address of each. Before anything else that answers. */
export function watchFailures(provider: Provider, failed: (address: string) => void): void {
  const revoked = new WeakSet<object>()
  provider.on('grant.revoked', (ctx: KoaContextWithOIDC) => revoked.add(ctx))

  /** RFC 7009 §2.2: also a token of nobody is answered with 200. */
  const revokedNothing = (ctx: KoaContextWithOIDC) =>
    ctx.path === REVOCATION_PATH && ctx.method === 'POST' && ctx.status === 200 && !revoked.has(ctx)

  provider.use(async (ctx: KoaContextWithOIDC, next) => {
    await next()
    if (!PROVING_PATHS.has(ctx.path)) return
    if (revokedNothing(ctx) || isFailure(ctx)) failed(ctx.ip)
  })
}

function isFailure({ status, body }: KoaContextWithOIDC): boolean {
  if (status < 400 || status >= 500) return false
  const error: unknown = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined
  return !NO_FAILURES.has(error)
}
