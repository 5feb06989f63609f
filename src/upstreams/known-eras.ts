// Owns what is known of the upstreams' eras: asked once and for long, again when an answer contradicts it, later when nobody tells.

import type { Caller } from '../oauth/caller.ts'
import type { Eras } from './probe.ts'
import type { HttpUpstream } from './registry.ts'

export interface KnownErasNeeds {
  /**
   * Asks the upstream, on behalf of this caller; null when it does not say, `unasked` when this caller has nothing to
   * present to it yet. Never rejects.
   */
  readonly probe: (upstream: HttpUpstream, caller: Caller) => Promise<Eras | null | 'unasked'>
  /** Milliseconds. */
  readonly clock: () => number
  readonly times?: Partial<EraTimes>
}

/** Milliseconds. */
export interface EraTimes {
  /** For how long an answer is good, a guess only for the longest pause; then it stays in use while it is asked for again. */
  readonly ttl: number
  /** Before an upstream that did not say is asked again: doubled each time, up to the second. */
  readonly firstPause: number
  readonly longestPause: number
  /** Between one answer and the next that a contradiction asks for. */
  readonly contradictionPause: number
}

export interface KnownEras {
  /** At once where it is known, or known not to be told for now (null). Concurrent askers share one probe. */
  of(upstream: HttpUpstream, caller: Caller): Eras | null | Promise<Eras | null>
  /** An answer spoke against what is known. Resolves with what is known after that, though not all the time asked anew. */
  contradict(upstream: HttpUpstream, caller: Caller): Promise<Eras | null>
}

interface Knowledge {
  eras: Eras | null
  askedAt: number
  /** Until then nothing is asked. */
  until: number
  pause: number
  /** Who was not told: somebody else's credentials may do better. */
  subject: string | null
  asking: Promise<Eras | null> | null
}

const DEFAULT_TIMES: EraTimes = {
  ttl: 60 * 60_000,
  firstPause: 1_000,
  longestPause: 60_000,
  contradictionPause: 2_000,
}

export function createKnownEras({ probe, clock, times }: KnownErasNeeds): KnownEras {
  const { ttl, firstPause, longestPause, contradictionPause } = { ...DEFAULT_TIMES, ...times }
  const known = new WeakMap<HttpUpstream, Knowledge>()

  function knowledgeOf(upstream: HttpUpstream): Knowledge {
    const found = known.get(upstream)
    if (found) return found
    const none = {
      eras: null,
      askedAt: -Infinity,
      until: -Infinity,
      pause: firstPause,
      subject: null,
      asking: null,
    }
    known.set(upstream, none)
    return none
  }

  function ask(upstream: HttpUpstream, caller: Caller, knowledge: Knowledge): Promise<Eras | null> {
    knowledge.asking ??= probe(upstream, caller)
      .then((eras) => {
        if (eras === null) untold(knowledge, caller)
        else if (eras !== 'unasked') told(knowledge, eras)
        return knowledge.eras
      })
      .finally(() => {
        knowledge.asking = null
      })
    return knowledge.asking
  }

  function told(knowledge: Knowledge, eras: Eras): void {
    knowledge.eras = eras
    knowledge.askedAt = clock()
    knowledge.until = knowledge.askedAt + (eras.isGuess ? longestPause : ttl)
    knowledge.pause = firstPause
    knowledge.subject = null
  }

  /** What was known before stays in use: an upstream that is down has not changed its era. */
  function untold(knowledge: Knowledge, { subject }: Caller): void {
    knowledge.askedAt = clock()
    knowledge.until = knowledge.askedAt + knowledge.pause
    knowledge.pause = Math.min(knowledge.pause * 2, longestPause)
    knowledge.subject = subject
  }

  return {
    of(upstream, caller) {
      const knowledge = knowledgeOf(upstream)
      const { eras, until, subject } = knowledge
      const wait = clock() < until
      if (eras) {
        if (!wait) void ask(upstream, caller, knowledge)
        return eras
      }
      return wait && subject === caller.subject ? null : ask(upstream, caller, knowledge)
    },
    async contradict(upstream, caller) {
      const knowledge = knowledgeOf(upstream)
      if (clock() - knowledge.askedAt < contradictionPause) return knowledge.asking ?? knowledge.eras
      return ask(upstream, caller, knowledge)
    },
  }
}
