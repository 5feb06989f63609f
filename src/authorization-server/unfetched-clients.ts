// Owns what a client is told whose document, or whose keys, cannot be fetched just now: to come back.

import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import { OutboundError } from '../http/outbound.ts'

const RETRY_AFTER_SECONDS = 10
const DEEPEST_CAUSE = 5

/**
 * RFC 6749 §5.2 has invalid_client for who is unknown, and clients in the field forget all their tokens when they hear
 * it. A site that does not answer for a moment is no reason to sign everybody out of its app.
 */
export function letUnfetchedComeBack(provider: Provider): void {
  const unfetched = new WeakSet<object>()
  const note = (ctx: KoaContextWithOIDC, error: Error) => {
    if (mayBeThereLater(error)) unfetched.add(ctx)
  }
  // Where a client says who it is, and no person is there to read a page.
  provider.on('grant.error', note)
  provider.on('revocation.error', note)
  provider.on('introspection.error', note)
  provider.on('device_authorization.error', note)
  provider.on('pushed_authorization_request.error', note)

  provider.use(async (ctx, next) => {
    await next()
    if (!unfetched.has(ctx)) return
    ctx.status = 503
    ctx.set('Retry-After', String(RETRY_AFTER_SECONDS))
    ctx.body = {
      error: 'temporarily_unavailable',
      error_description:
        'The document that says who this client is, or its keys, cannot be fetched right now. Try again shortly.',
    }
  })
}

function mayBeThereLater(error: Error): boolean {
  let at: unknown = error
  for (let depth = 0; depth < DEEPEST_CAUSE && at instanceof Error; depth++) {
    if (at instanceof OutboundError) return !at.isLasting
    at = at.cause
  }
  return false
}
