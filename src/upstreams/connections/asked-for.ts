// Owns what the login that a caller has was asked for: what was not given then is not given for asking again.

import type { Caller } from '../../oauth/caller.ts'
import { parseScope } from '../../oauth/scope.ts'
import type { Upstream } from '../registry.ts'
import { bindingOf, keyOf, wantsLogin } from './binding.ts'
import type { KnownConnections } from './known.ts'
import { readSecret } from './secret.ts'

export function createAskedFor(known: KnownConnections) {
  return async ({ subject }: Caller, upstream: Upstream): Promise<ReadonlySet<string>> => {
    const row = wantsLogin(upstream) ? await known.find(keyOf(upstream, subject)) : null
    if (!row || !wantsLogin(upstream) || row.boundTo !== bindingOf(upstream)) return new Set()
    const secret = readSecret(row.secret)
    return secret?.kind === 'login' ? parseScope(secret.server.scope ?? '') : new Set()
  }
}
