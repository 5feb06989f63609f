// Owns that peers are guarded like what is forwarded: the same counts, the same breaker, whichever way a call takes.

import { type Peer, PeerFailure, type PeerHooks, type PeerRequest, type Visitor } from '../mcp/peer.ts'
import { type Errand, type Guards, isBarrier, type Passage } from './guards.ts'
import type { Links } from './links.ts'
import type { Upstream } from './registry.ts'

/** The same links, whose peers ask the guards first. */
export function guardLinks(links: Links, guards: Guards): Links {
  const peers = new WeakMap<Upstream, Peer>()

  function peerOf(upstream: Upstream): Peer {
    const known = peers.get(upstream)
    if (known) return known
    const peer = guardPeer(links.peerOf(upstream), upstream, guards)
    peers.set(upstream, peer)
    return peer
  }

  return { ...links, peerOf }
}

export function guardPeer(peer: Peer, upstream: Upstream, guards: Guards): Peer {
  return {
    discover: (visitor, signal) =>
      through(guards, upstream, errandOf(visitor), () => peer.discover(visitor, signal)),
    request: (visitor, request, hooks) =>
      through(guards, upstream, errandOf(visitor, request), (passage) =>
        peer.request(visitor, request, noticing(hooks, passage)),
      ),
    listen: (visitor, filter, hooks) =>
      through(guards, upstream, { ...errandOf(visitor), listening: true }, (passage) =>
        peer.listen(visitor, filter, noticing(hooks, passage)),
      ),
  }
}

async function through<T>(
  guards: Guards,
  upstream: Upstream,
  errand: Errand,
  act: (passage: Passage) => Promise<T>,
): Promise<T> {
  const passage = guards.enter(upstream, errand)
  if (isBarrier(passage)) throw new PeerFailure(passage.reason, { ...passage })
  try {
    const answer = await act(passage)
    passage.answered()
    return answer
  } catch (error) {
    if (isAbsence(error)) passage.failed()
    throw error
  } finally {
    passage.leave()
  }
}

/** Whoever says something is there, long before the last word. */
function noticing(hooks: PeerHooks, passage: Passage): PeerHooks {
  return {
    signal: hooks.signal,
    notify(notification) {
      passage.answered()
      hooks.notify(notification)
    },
  }
}

/** A failure without a cause was decided here and not met there: what one caller lacks must not close it to the others. */
function isAbsence(error: unknown): boolean {
  if (!(error instanceof PeerFailure)) return false
  return error.reason === 'timed_out' || (error.reason === 'unreachable' && error.cause !== undefined)
}

function errandOf({ caller }: Visitor, request?: PeerRequest): Errand {
  return {
    subject: caller.subject,
    listening: false,
    messages: 1,
    // An answer to what the upstream asked for continues what has its place already.
    urgent: request !== undefined && request.inputResponses !== null,
    tools: request === undefined ? [] : toolsOf(request),
  }
}

function toolsOf({ method, params }: PeerRequest): readonly string[] {
  return method === 'tools/call' && typeof params.name === 'string' ? [params.name] : []
}
