// Owns what an authorization request without a scope asks for (RFC 6749 §3.3).

import type { Provider } from 'oidc-provider'
import { readScope } from '../oauth/scope.ts'
import { findResource, type Resources } from './resources.ts'

/** A client that names no scope gets the read scope of its resource; without this it would be told `access_denied`. */
export function defaultScope(provider: Provider, resources: Resources): void {
  provider.use((ctx, next) => {
    if (ctx.method === 'GET' && ctx.path === '/authorize' && !ctx.query.scope) {
      const { resource } = ctx.query
      const asked = typeof resource === 'string' ? findResource(resources, resource) : resources.fallback()
      if (asked) ctx.query = { ...ctx.query, scope: readScope(asked.upstream) }
    }
    return next()
  })
}
