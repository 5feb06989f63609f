// Owns connections that an earlier configuration left behind: nothing uses them, and their person can end them. Pure.

import type { StoredConnection } from '../../storage/upstream-connection-row.ts'
import { EVERYBODY } from '../../storage/upstream-connections.ts'
import { bindingOf, isShared, type Wanting } from './binding.ts'
import type { LeftOver } from './port.ts'

/** Its upstream is gone or elsewhere, wants another client, or has one login for all now, or one for each. */
export function isLeftOver(row: StoredConnection, upstreams: readonly Wanting[]): boolean {
  const upstream = upstreams.find(({ name }) => name === row.upstream)
  if (upstream === undefined || row.boundTo !== bindingOf(upstream)) return true
  return isShared(upstream) !== (row.owner === EVERYBODY)
}

export function leftOverOf({ owner, upstream, createdAt, lastUsedAt, scopes }: StoredConnection): LeftOver {
  return { upstream, shared: owner === EVERYBODY, since: createdAt, lastUsedAt, scopes: [...scopes] }
}
