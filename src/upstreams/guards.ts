// Owns the guards of the upstreams: how much each takes, from everybody, from one person and for one tool, and when it rests.

import { createMeter, type Meter, type Passing, type Present } from '../http/meter.ts'
import type { Allowance, ToolLimits } from '../oauth/allowance.ts'
import { matches } from '../oauth/tool.ts'
import { type Breaker, createBreaker } from './breaker.ts'
import type { Upstream } from './registry.ts'

export interface GuardsNeeds {
  /** For an upstream that says nothing else about it. */
  readonly perUpstream: Pick<Allowance, 'calls' | 'streams'>
  /** Milliseconds. */
  readonly clock: () => number
}

/** What wants to go to an upstream, whichever way leads there. */
export interface Errand extends Passing {
  readonly subject: string
  /** That it calls. */
  readonly tools: readonly string[]
  /** It is answered without the upstream, so that it does not matter to it whether that is there, nor tells. */
  readonly fromMemory?: boolean
}

/** Why something may not go there now. */
export interface Barrier {
  /** `busy`: as much is under way as it takes. `limited`: it came too often. `down`: it failed too often. */
  readonly reason: 'busy' | 'limited' | 'down'
  readonly retryAfterSeconds: number
}

/** Somebody is on the way. `leave` is called once, whatever happened; the others as soon as it is known. */
export interface Passage {
  answered(): void
  failed(): void
  leave(): void
}

export interface Guards {
  enter(upstream: Upstream, errand: Errand): Passage | Barrier
  stateOf(upstream: Upstream): GuardState
}

/** Of one upstream, now. */
export interface GuardState {
  /** It failed too often, and is left alone but for one call now and then. */
  readonly isDown: boolean
  /** Null where they are not limited, and so not counted. */
  readonly present: Present | null
}

interface Guard {
  readonly breaker: Breaker
  readonly total: Meter | null
  readonly perPerson: Meter | null
  readonly tools: readonly ToolGuard[]
}

interface ToolGuard {
  readonly pattern: string
  readonly total: Meter | null
  readonly perPerson: Meter | null
}

/** One that an errand has to pass, and under which key. */
type Counted = readonly [meter: Meter, key: string]

const EVERYBODY = ''

export function isBarrier(entered: Passage | Barrier): entered is Barrier {
  return 'reason' in entered
}

/** What is measured belongs to the object: an upstream that is configured anew begins anew, and the old one is forgotten. */
export function createGuards({ perUpstream, clock }: GuardsNeeds): Guards {
  const guards = new WeakMap<Upstream, Guard>()

  function guardOf(upstream: Upstream): Guard {
    const known = guards.get(upstream)
    if (known) return known
    const { total, perPerson, tools } = upstream.limits
    const { rate, calls = null, streams = null } = total
    const guard = {
      breaker: createBreaker(),
      total: createMeter({
        rate,
        calls: calls ?? perUpstream.calls,
        streams: streams ?? perUpstream.streams,
      }),
      perPerson: createMeter(perPerson),
      tools: tools.map(toolGuard),
    }
    guards.set(upstream, guard)
    return guard
  }

  function enter(upstream: Upstream, errand: Errand): Passage | Barrier {
    const guard = guardOf(upstream)
    const { breaker } = guard
    const now = clock()
    const counted = countedBy(guard, errand)
    const asks = errand.fromMemory !== true
    const barrier = barrierOf(counted, errand, now) ?? (asks ? resting(breaker, now) : null)
    if (barrier !== null) return barrier
    if (asks) breaker.tried(now)
    for (const [meter, key] of counted) meter.enter(key, errand, now)
    return {
      answered: () => asks && breaker.answered(),
      // A program that ends rests by itself (programs/starts.ts), and says nothing about those of other people, which run on.
      failed: () => asks && upstream.kind !== 'stdio' && breaker.failed(clock()),
      leave() {
        for (const [meter, key] of counted) meter.leave(key, errand)
      },
    }
  }

  return {
    enter,
    stateOf(upstream) {
      const { breaker, total } = guardOf(upstream)
      return { isDown: breaker.isOpen(), present: total?.present(EVERYBODY) ?? null }
    },
  }
}

function toolGuard({ tool, total, perPerson }: ToolLimits): ToolGuard {
  return { pattern: tool, total: createMeter(total), perPerson: createMeter(perPerson) }
}

function countedBy({ total, perPerson, tools }: Guard, errand: Errand): readonly Counted[] {
  const counted: Counted[] = []
  if (total) counted.push([total, EVERYBODY])
  if (perPerson) counted.push([perPerson, errand.subject])
  for (const tool of tools) {
    if (!errand.tools.some((name) => matches(tool.pattern, name))) continue
    if (tool.total) counted.push([tool.total, EVERYBODY])
    if (tool.perPerson) counted.push([tool.perPerson, errand.subject])
  }
  // Without the room that V8 leaves for more: an open stream keeps it.
  return counted.slice()
}

/** Asked of all before any of them counts: who is refused has used up nothing. */
function barrierOf(counted: readonly Counted[], errand: Errand, now: number): Barrier | null {
  for (const [meter, key] of counted) {
    const excess = meter.excess(key, errand, now)
    if (excess === null) continue
    const { of, retryAfterSeconds } = excess
    return { reason: of === 'rate' ? 'limited' : 'busy', retryAfterSeconds }
  }
  return null
}

function resting(breaker: Breaker, now: number): Barrier | null {
  const retryAfterSeconds = breaker.refusal(now)
  return retryAfterSeconds === null ? null : { reason: 'down', retryAfterSeconds }
}
