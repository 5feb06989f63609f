// Owns how the published keys are answered.

import type { Provider } from 'oidc-provider'
import { KEY_SET_MAX_AGE_SECONDS } from './key-schedule.ts'

/** A new key is published long before it signs, so a copy of this age never misses the one that is needed. */
export function letKeySetBeCached(provider: Provider): void {
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.path === '/jwks' && ctx.status === 200) {
      ctx.set('Cache-Control', `public, max-age=${KEY_SET_MAX_AGE_SECONDS}`)
    }
  })
}
