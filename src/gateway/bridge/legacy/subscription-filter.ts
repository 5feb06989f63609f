// Owns what the stream of a session listens to: what the client was offered, what it subscribed to, and what its token covers.

import { LIST_CHANGES } from '../../../mcp/list-changes.ts'
import type { SubscriptionFilter } from '../../../mcp/peer.ts'
import { fullScope, readScope } from '../../../oauth/scope.ts'
import type { Call } from '../../call.ts'
import type { Offers } from './handle.ts'

/** Null where nothing is asked for yet. */
export function filterFor(
  call: Call,
  offers: Offers,
  subscriptions: readonly string[],
): SubscriptionFilter | null {
  // What every scope covers; the rest is for who may read it (gateway/access.ts), with the token of this very stream.
  if (!mayRead(call)) return offers.toolsListChanged ? { toolsListChanged: true } : null
  const changes = LIST_CHANGES.flatMap(([member]) => (offers[member] ? [[member, true] as const] : []))
  if (changes.length === 0 && subscriptions.length === 0) return null
  const filter: SubscriptionFilter = Object.fromEntries(changes)
  return subscriptions.length === 0 ? filter : { ...filter, resourceSubscriptions: subscriptions }
}

export function canListen(offers: Offers): boolean {
  return offers.subscribe || LIST_CHANGES.some(([member]) => offers[member])
}

function mayRead({ caller, place }: Call): boolean {
  return place.resource.upstreams.some(({ name }) =>
    [fullScope(name), readScope(name)].some((scope) => caller.scopes.has(scope)),
  )
}
