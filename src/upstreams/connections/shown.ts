// Owns how a stored connection is shown to its person. Pure.

import type { ConnectionState } from '../../oauth/upstream-auth.ts'
import type { StoredConnection } from '../../storage/upstream-connection-row.ts'
import { EVERYBODY } from '../../storage/upstream-connections.ts'
import { bindingOf, isOurOwn, isPasted, isShared, keyOf, type Wanting } from './binding.ts'
import type { Connection, Wish } from './port.ts'

function howOf(upstream: Wanting): Connection['how'] | null {
  if (isOurOwn(upstream)) return 'own'
  if (isPasted(upstream)) return 'api-key'
  return upstream.auth.type === 'oauth2' ? 'oauth2' : null
}

/** Null for an upstream at which nothing is kept that was given in a login. */
export function connectionOf(
  upstream: Wanting,
  userId: string,
  rows: readonly StoredConnection[],
): Connection | null {
  const { name, title } = upstream
  const how = howOf(upstream)
  if (how === null) return null
  const key = keyOf(upstream, userId)
  const row = rows.find((each) => each.owner === key.owner && each.upstream === name)
  const found = row?.boundTo === bindingOf(upstream) ? row : null
  return {
    upstream: name,
    title,
    how,
    shared: key.owner === EVERYBODY,
    state: found ? stateOf(found) : { kind: 'needs_login' },
    scopes: found ? [...found.scopes] : [],
    since: found?.createdAt ?? null,
    lastUsedAt: found?.lastUsedAt ?? null,
  }
}

/** What is connected and has a reason was to be renewed, and was not: what there is may still be good. */
function stateOf({ state, why }: StoredConnection): ConnectionState {
  if (state === 'expired') return { kind: 'expired', why }
  if (state === 'connected' && why === null) return { kind: 'connected' }
  return { kind: 'error', why: why ?? 'It cannot be used.' }
}

/** Null for an upstream that people do not log in at, themselves or for all. */
export function wishOf(upstream: Wanting): Wish | null {
  const { auth, name, title } = upstream
  const how = howOf(upstream)
  if (how === null || how === 'own') return null
  const url = 'url' in upstream && upstream.url !== null ? URL.parse(upstream.url) : null
  return {
    upstream: name,
    title,
    how,
    shared: isShared(upstream),
    host: url?.host ?? name,
    hint: auth.type === 'api-key' || auth.type === 'id-jag' ? auth.hint : null,
  }
}
