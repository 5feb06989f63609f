// Owns the plain comparison: what a call costs each target, how many a core answers, and how long a client waits.

import { cpuMicros, spentSince } from '../cpu.ts'
import { median } from '../measure.ts'
import type { Target } from './target.ts'
import { inTurn } from './turns.ts'
import type { Answered, Load } from './wrk.ts'

export interface CallOptions {
  readonly targets: readonly Target[]
  readonly wrk: (load: Load) => Promise<Answered>
  readonly tokensFile: string
  readonly rounds: number
  readonly seconds: number
}

export interface Cost {
  readonly target: Target
  readonly perSecond: number
  /** Of the best round, and of the one in the middle. The machine can only add to what a call costs. */
  readonly bestMicros: number
  readonly medianMicros: number
}

const SATURATING_CLIENTS = 64
/**
 * A round before the first is thrown away. It takes longer: V8 goes on compiling until some fifty thousand calls were made, and
 * that is a seventh of the time spent until then.
 */
const WARM_UP = 1
const WARM_UP_LENGTH = 4

/** Each target in turn, round after round. `advance` is told how many tokens a target has seen. */
export async function measureCosts(
  { targets, wrk, tokensFile, rounds, seconds }: CallOptions,
  clients = SATURATING_CLIENTS,
): Promise<readonly Cost[]> {
  const samples = targets.map((target) => ({
    target,
    micros: [] as number[],
    perSecond: [] as number[],
    seen: 0,
  }))
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const sample of samples) {
      const { pids, url } = sample.target
      const load = { url, tokensFile, clients, firstToken: sample.seen }
      const length = round < 0 ? seconds * WARM_UP_LENGTH : seconds
      const measured = await inTurn(targets, sample.target, async () => {
        const before = await cpuMicros(pids)
        const answered = await wrk({ ...load, seconds: length })
        return { ...answered, spent: spentSince(before, await cpuMicros(pids)) }
      })
      const { requests, seconds: took, spent } = measured
      sample.seen += requests
      if (round < 0) continue
      sample.micros.push(spent / requests)
      sample.perSecond.push(requests / took)
    }
  }
  return samples.map(({ target, micros, perSecond }) => ({
    target,
    perSecond: Math.max(...perSecond),
    bestMicros: Math.min(...micros),
    medianMicros: median(micros),
  }))
}

export interface Wait {
  readonly target: Target
  readonly clients: number
  /** Milliseconds more than without the target, each in its best round; for the upstream itself, all of them. */
  readonly p50: number
  readonly p99: number
}

const CLIENTS = [1, 8, 32, 256]
const MODERATE_RATE = 1000

/** At a rate that leaves a target time. The first target has to be the upstream itself. */
export async function measureWaits(options: CallOptions): Promise<readonly Wait[]> {
  const waits: Wait[] = []
  for (const clients of CLIENTS) {
    const samples = await sampleWaits(options, clients)
    const best = samples.map(({ target, answers }) => ({
      target,
      clients,
      p50: Math.min(...answers.map(({ p50Ms }) => p50Ms)),
      p99: Math.min(...answers.map(({ p99Ms }) => p99Ms)),
    }))
    const [direct, ...others] = best
    if (!direct) continue
    waits.push(direct)
    for (const other of others)
      waits.push({ ...other, p50: other.p50 - direct.p50, p99: other.p99 - direct.p99 })
  }
  return waits
}

async function sampleWaits({ targets, wrk, tokensFile, rounds, seconds }: CallOptions, clients: number) {
  const samples = targets.map((target) => ({ target, answers: [] as Answered[] }))
  for (let round = 0; round < rounds; round++) {
    for (const { target, answers } of samples) {
      const { url, moderateRate: rate = MODERATE_RATE } = target
      answers.push(await inTurn(targets, target, () => wrk({ url, tokensFile, clients, seconds, rate })))
    }
  }
  return samples
}
