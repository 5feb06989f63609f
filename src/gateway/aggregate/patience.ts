// Owns for how long the aggregate waits for each upstream: a while in all, and then hardly at all until it has answered.

import { LRUCache } from 'lru-cache'
import { PeerFailure, type Visitor } from '../../mcp/peer.ts'
import type { Member } from './member.ts'
import { within } from './within.ts'

export interface Wait {
  readonly member: Member
  readonly visitor: Visitor
  readonly method: string
  readonly signal: AbortSignal
}

export interface Patience {
  /** Rejects with a PeerFailure when it is over. */
  wait<T>(wait: Wait, ask: (signal: AbortSignal) => Promise<T>): Promise<T>
}

/** Whom somebody's client waits for in vain: since when, for which methods, and which of these are asked again meanwhile. */
interface Late {
  readonly since: number
  readonly methods: Set<string>
  readonly looks: Set<string>
}

const DISCOVER = 'server/discover'
/** What an upstream says about its use may be missing; that others do not connect because of it, may not. */
const DISCOVERY_MS = 2_000
/**
 * Some clients give up after five seconds, and ask several things one after the other at their start: if each of them waited, one
 * upstream that hangs would keep the others from being used.
 */
const LATE_MS = 250
/** An upstream that answers, only not as fast as that, is waited for again. */
const LOOK_MS = 30_000
const MOST_LATE = 1024
const MOST_LOOKS = 64

export function createPatience(limitMs: number, clock: () => number): Patience {
  // For each person's client: their sessions and programs are their own, and one of them being slow says nothing of another.
  const late = new LRUCache<string, Late>({ max: MOST_LATE })
  let looks = 0

  function msFor(key: string, method: string): number {
    const since = late.get(key)?.since ?? clock()
    const left = Math.max(LATE_MS, since + limitMs - clock())
    return method === DISCOVER ? Math.min(left, DISCOVERY_MS) : left
  }

  function answered(key: string, method: string): void {
    const known = late.get(key)
    known?.methods.delete(method)
    if (known?.methods.size === 0) late.delete(key)
  }

  function missed(key: string, { method }: Wait, since: number): Late {
    const known = late.get(key) ?? { since, methods: new Set(), looks: new Set() }
    known.methods.add(method)
    late.set(key, known)
    return known
  }

  async function look(key: string, known: Late, wait: Wait): Promise<void> {
    const { method } = wait
    if (known.looks.has(method) || looks >= MOST_LOOKS) return
    known.looks.add(method)
    looks++
    const isStill = await askAgain(wait).then(() => false, isTimeout)
    looks--
    known.looks.delete(method)
    if (!isStill) answered(key, method)
  }

  return {
    async wait(wait, ask) {
      const { member, visitor, method, signal } = wait
      const key = `${member.upstream.name} ${visitor.caller.subject} ${visitor.caller.clientId}`
      const began = clock()
      try {
        const answer = await within(msFor(key, method), signal, ask)
        answered(key, method)
        return answer
      } catch (error) {
        if (!isTimeout(error)) answered(key, method)
        else if (!signal.aborted) void look(key, missed(key, wait, began), wait)
        throw error
      }
    },
  }
}

function askAgain({ member: { peer }, visitor: asking, method }: Wait): Promise<unknown> {
  const signal = AbortSignal.timeout(LOOK_MS)
  const visitor = { ...asking, wantsFresh: true }
  if (method === DISCOVER) return peer.discover(visitor, signal)
  const request = { method, params: {}, inputResponses: null, requestState: null }
  return peer.request(visitor, request, { signal, notify: () => undefined })
}

function isTimeout(error: unknown): boolean {
  return error instanceof PeerFailure && error.reason === 'timed_out'
}
