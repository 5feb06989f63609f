// Owns whether a program may be started now: how many run already, and how often it has ended by itself lately.

import { PeerFailure } from '../../mcp/peer.ts'
import type { Upstream } from '../registry.ts'

export interface StartLimits {
  /** Of one upstream. */
  readonly maxPerUpstream: number
  readonly maxTotal: number
}

/** One place among those that run. Given back once. */
export interface Place {
  /** `died`: by itself, or before it ran at all, so the next one waits. */
  leave(how: 'stopped' | 'died'): void
}

export interface Starts {
  /** Throws a `PeerFailure`: `busy` when too many run, `unreachable` while it is given a rest. */
  take(upstream: Upstream): Place
  /** Milliseconds until one may be started; 0 for now. */
  restOf(upstream: Upstream): number
}

interface Record {
  running: number
  deaths: number
  notBefore: number
}

export const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 60_000
/** One that ran for this long was well. */
const WELL_MS = 60_000

/** Longer and longer, for one that keeps ending. */
export function pauseAfter(deaths: number): number {
  return deaths < 1 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (deaths - 1))
}

export function createStarts({ maxPerUpstream, maxTotal }: StartLimits, clock: () => number): Starts {
  const records = new WeakMap<Upstream, Record>()
  let total = 0

  function recordOf(upstream: Upstream): Record {
    const record = records.get(upstream) ?? { running: 0, deaths: 0, notBefore: 0 }
    records.set(upstream, record)
    return record
  }

  return {
    restOf: (upstream) => Math.max(0, recordOf(upstream).notBefore - clock()),
    take(upstream) {
      const record = recordOf(upstream)
      const started = clock()
      if (started < record.notBefore) throw resting(record, started)
      if (total >= maxTotal || record.running >= maxPerUpstream) throw new PeerFailure('busy')
      total++
      record.running++
      return {
        leave(how) {
          total--
          record.running--
          if (how === 'died') countDeath(record, started, clock())
        },
      }
    },
  }
}

function countDeath(record: Record, started: number, now: number): void {
  record.deaths = now - started >= WELL_MS ? 1 : record.deaths + 1
  record.notBefore = now + pauseAfter(record.deaths)
}

function resting({ deaths, notBefore }: Record, now: number): PeerFailure {
  const seconds = Math.ceil((notBefore - now) / 1000)
  const often = deaths === 1 ? 'once' : `${deaths} times`
  const again = `it is started again in ${seconds} s.`
  const cause = new Error(`The program failed ${often}; ${again}`)
  const description = `The program of this server ended or could not be started; ${again}`
  return new PeerFailure('unreachable', { cause, description })
}
