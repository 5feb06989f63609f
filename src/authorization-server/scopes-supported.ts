// Owns which scopes the metadata names (RFC 8414 §2): those of the upstreams that are there now, which oidc-provider asks but once.

import type Provider from 'oidc-provider'
import type { Resources } from './resources.ts'

const METADATA = 'discovery'

export function tellScopes(
  provider: Provider,
  resources: Pick<Resources, 'scopes'>,
  own: readonly string[],
): void {
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.oidc?.route !== METADATA || typeof ctx.body !== 'object' || ctx.body === null) return
    ctx.body = { ...ctx.body, scopes_supported: [...own, ...resources.scopes()] }
  })
}
