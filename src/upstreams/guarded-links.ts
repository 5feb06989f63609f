// Owns that peers are guarded like what is forwarded: the same counts, the same breaker, whichever way a call takes.

import { type Peer, PeerFailure, type PeerHooks, type PeerRequest, type Visitor } from '../mcp/peer.ts'
import { type Errand, type Guards, isBarrier, type Passage } from './guards.ts'
import type { Links, OpenLinks } from './links.ts'
import type { Upstream } from './registry.ts'
import { createRetiring, type Retiring } from './retiring.ts'

export interface GuardedLinks extends Links {
  /** Ends what listens to these upstreams, lets calls finish, and forgets them. */
  retire(upstreams: readonly Upstream[]): void
}

/** The same links, whose peers ask the guards first, and end in good order. */
export function guardLinks(links: OpenLinks, guards: Guards, report: (error: unknown) => void): GuardedLinks {
  const open = new Map<Upstream, Retiring>()

  const forget = (upstream: Upstream) => void links.forget(upstream).catch(report)

  function openPeer(upstream: Upstream): Retiring {
    const peer = guardPeer(links.peerOf(upstream), upstream, guards)
    const opened = createRetiring(peer, () => forget(upstream))
    open.set(upstream, opened)
    return opened
  }

  return {
    ...links,
    peerOf: (upstream) => (open.get(upstream) ?? openPeer(upstream)).peer,
    retire(upstreams) {
      for (const upstream of upstreams) {
        const opened = open.get(upstream)
        open.delete(upstream)
        if (opened) opened.retire()
        else forget(upstream)
      }
    },
  }
}

export function guardPeer(peer: Peer, upstream: Upstream, guards: Guards): Peer {
  return {
    discover: (visitor, signal) =>
      through(guards, upstream, errandOf(upstream, visitor), async (passage) => {
        const discovery = await peer.discover(visitor, signal)
        passage.answered()
        return discovery
      }),
    request: (visitor, request, hooks) =>
      through(guards, upstream, errandOf(upstream, visitor, request), async (passage) => {
        const answer = await peer.request(visitor, request, noticing(hooks, passage))
        if (!answer.unasked) passage.answered()
        return answer
      }),
    listen: (visitor, filter, hooks) =>
      through(guards, upstream, { ...errandOf(upstream, visitor), listening: true }, async (passage) => {
        await peer.listen(visitor, filter, noticing(hooks, passage))
        passage.answered()
      }),
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
    return await act(passage)
  } catch (error) {
    if (isAbsence(error)) passage.failed()
    else if (isHeard(error)) passage.answered()
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

/** What it said was of no use, and still it is there: a server that was restarted begins like this where sessions were open. */
function isHeard(error: unknown): boolean {
  return error instanceof PeerFailure && error.reason === 'answer'
}

function errandOf(upstream: Upstream, { caller }: Visitor, request?: PeerRequest): Errand {
  return {
    subject: caller.subject,
    listening: false,
    messages: 1,
    // An answer to what the upstream asked for continues what has its place already.
    urgent: request !== undefined && request.inputResponses !== null,
    tools: request === undefined ? [] : toolsOf(request),
    fromMemory: upstream.kind === 'openapi' && !OF_THE_API.has(request?.method ?? ''),
  }
}

/** Everything else is in the document of an API, which is there also while the API is not. */
const OF_THE_API: ReadonlySet<string> = new Set(['tools/call', 'server/discover'])

function toolsOf({ method, params }: PeerRequest): readonly string[] {
  return method === 'tools/call' && typeof params.name === 'string' ? [params.name] : []
}
