// Owns listening at a place, whatever is behind it at the time: when the upstreams or the policy are replaced, who listens goes
// over to what is there now, and hears that the lists may be others.

import { changesFor } from '../mcp/list-changes.ts'
import type { Peer, PeerHooks, SubscriptionFilter, Visitor } from '../mcp/peer.ts'
import type { StandingPolicy } from '../oauth/standing-policy.ts'
import type { Place, Registry } from '../upstreams/registry.ts'

export interface FollowingNeeds {
  readonly registry: Pick<Registry, 'find' | 'onReplace'>
  readonly policy: Pick<StandingPolicy, 'onReplace'>
  readonly peerAt: (place: Place) => Peer
}

/** Listening to what is behind a place now. */
interface Stay {
  readonly place: Place
  leave(): void
}

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'

/** The peer at a place. Its `listen` resolves when nothing is there any more. */
export function createFollowing({ registry, policy, peerAt }: FollowingNeeds): (place: Place) => Peer {
  const stays = new Set<Stay>()
  policy.onReplace(() => {
    for (const stay of stays) stay.leave()
  })
  registry.onReplace(() => {
    for (const stay of stays) if (!isBehind(registry, stay.place)) stay.leave()
  })

  /** Whether it was left for what is there now; otherwise the peer has ended it on purpose. */
  async function stayAt(
    place: Place,
    visitor: Visitor,
    filter: SubscriptionFilter,
    { signal, notify }: PeerHooks,
  ): Promise<boolean> {
    const leaving = new AbortController()
    const stay = { place, leave: () => leaving.abort() }
    stays.add(stay)
    try {
      const either = AbortSignal.any([signal, leaving.signal])
      await peerAt(place).listen(visitor, filter, { signal: either, notify })
    } catch (error) {
      if (!leaving.signal.aborted) throw error
    } finally {
      stays.delete(stay)
    }
    return leaving.signal.aborted
  }

  async function listen(
    path: string,
    visitor: Visitor,
    filter: SubscriptionFilter,
    { signal, notify }: PeerHooks,
  ): Promise<void> {
    let acknowledged = false
    // The client was told once what is honoured, and is not told twice.
    const hear: PeerHooks['notify'] = (notification) => {
      const isSecond = acknowledged && notification.method === ACKNOWLEDGED
      acknowledged ||= notification.method === ACKNOWLEDGED
      if (!isSecond) notify(notification)
    }
    for (let place = registry.find(path); place !== null; place = registry.find(path)) {
      const isLeft = await stayAt(place, visitor, filter, { signal, notify: hear })
      if (!isLeft || signal.aborted) return
      if (acknowledged) for (const change of changesFor(filter)) notify(change)
    }
  }

  return (place) => ({
    ...peerAt(place),
    listen: (visitor, filter, hooks) => listen(place.resource.path, visitor, filter, hooks),
  })
}

/** Whether the same is behind its path still. */
export function isBehind(registry: Pick<Registry, 'find'>, place: Place): boolean {
  const now = registry.find(place.resource.path)
  if (now === null || now.kind !== place.kind) return false
  const [one, other] = [upstreamsOf(now), upstreamsOf(place)]
  return one.length === other.length && one.every((upstream, at) => upstream === other[at])
}

function upstreamsOf(place: Place) {
  return place.kind === 'aggregate' ? place.upstreams : [place.upstream]
}
