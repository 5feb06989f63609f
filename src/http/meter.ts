// Owns meters: how much each key has under way, and how often it came lately. In memory, so each replica has its own.

import type { Allowance, Rate } from '../oauth/allowance.ts'

/** What wants to pass. */
export interface Passing {
  /** A stream that only listens: counted apart from calls. */
  readonly listening: boolean
  /** How many times it counts for the rate. */
  readonly messages: number
  /** It answers, cancels or ends something: while all places are taken, it is how one becomes free. */
  readonly urgent: boolean
}

export interface Excess {
  readonly of: 'rate' | 'calls' | 'streams'
  /** When it is worth coming back. */
  readonly retryAfterSeconds: number
}

export interface Meter {
  /** What would be too much, or null. Takes nothing. */
  excess(key: string, passing: Passing, now: number): Excess | null
  /** Counts what `excess` had nothing against, at the same moment. */
  enter(key: string, passing: Passing, now: number): void
  leave(key: string, passing: Passing): void
  /** What is under way. */
  present(key: string): Present
  /** Keys that are remembered. */
  size(): number
}

export interface Present {
  readonly calls: number
  readonly streams: number
}

interface Usage {
  calls: number
  streams: number
  /** Times left, as of `at`. */
  left: number
  at: number
}

/** How long a call takes is not known; this is when asking again costs nobody much. */
const PLACE_RETRY_SECONDS = 1
/** What is urgent finds room when nothing else does, and is bounded all the same. */
const URGENT_FACTOR = 2
/** How many of the oldest are looked at when a new one comes: more than one, so that the idle ones lose. */
const SWEPT = 2

/** Null when there is nothing to measure. Every step takes constant time, and a key is forgotten once it is idle. */
export function createMeter(allowance: Allowance): Meter | null {
  const { rate, calls, streams } = allowance
  if (rate === null && calls === null && streams === null) return null
  const usages = new Map<string, Usage>()

  function begin(key: string, now: number): Usage {
    sweep(now)
    const usage = { calls: 0, streams: 0, left: rate?.times ?? 0, at: now }
    usages.set(key, usage)
    return usage
  }

  /** In place of a timer: the map grows only here, so it is enough to tidy up here. */
  function sweep(now: number): void {
    let looked = 0
    for (const [key, usage] of usages) {
      if (looked++ === SWEPT) return
      usages.delete(key)
      if (!isIdle(usage, rate, now)) usages.set(key, usage)
    }
  }

  return {
    excess(key, passing, now) {
      const usage = usages.get(key)
      return usage === undefined ? null : excessOf(usage, passing, allowance, now)
    },
    enter(key, passing, now) {
      const usage = usages.get(key) ?? begin(key, now)
      if (passing.listening) usage.streams++
      else usage.calls++
      if (rate === null) return
      usage.left = leftOf(usage, rate, now) - weightOf(passing, rate)
      usage.at = now
    },
    leave(key, { listening }) {
      const usage = usages.get(key)
      if (usage === undefined) return
      if (listening) usage.streams--
      else usage.calls--
      if (rate === null && usage.calls === 0 && usage.streams === 0) usages.delete(key)
    },
    present(key) {
      const usage = usages.get(key)
      return { calls: usage?.calls ?? 0, streams: usage?.streams ?? 0 }
    },
    size: () => usages.size,
  }
}

function excessOf(usage: Usage, passing: Passing, allowance: Allowance, now: number): Excess | null {
  const { rate, calls, streams } = allowance
  const factor = passing.urgent ? URGENT_FACTOR : 1
  if (passing.listening) {
    if (streams !== null && usage.streams >= streams) return tooMany('streams')
  } else if (calls !== null && usage.calls >= calls * factor) return tooMany('calls')
  if (rate === null) return null
  const missing = weightOf(passing, rate) - leftOf(usage, rate, now)
  if (missing <= 0) return null
  return { of: 'rate', retryAfterSeconds: Math.max(1, Math.ceil((missing * rate.seconds) / rate.times)) }
}

function tooMany(of: 'calls' | 'streams'): Excess {
  return { of, retryAfterSeconds: PLACE_RETRY_SECONDS }
}

function leftOf({ left, at }: Usage, { times, seconds }: Rate, now: number): number {
  // A clock that was set back takes nothing away.
  const elapsed = Math.max(0, now - at)
  return Math.min(times, left + (elapsed * times) / (seconds * 1000))
}

/** A batch that is larger than the whole allowance waits for all of it, and not for ever. */
function weightOf({ messages }: Passing, { times }: Rate): number {
  return Math.min(messages, times)
}

function isIdle(usage: Usage, rate: Rate | null, now: number): boolean {
  if (usage.calls > 0 || usage.streams > 0) return false
  return rate === null || leftOf(usage, rate, now) >= rate.times
}
