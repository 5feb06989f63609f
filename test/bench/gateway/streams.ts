// Owns the comparison of idle event streams: what one keeps in memory, and how long an event takes through the target.

import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from '../../support/inspector.ts'
import { cpuMicros, residentBytes, spentSince } from '../cpu.ts'
import { createListeners, type Listeners } from './listeners.ts'
import type { Target } from './target.ts'
import type { BenchUpstream } from './upstream.ts'

export interface StreamOptions {
  readonly targets: readonly Target[]
  readonly upstream: BenchUpstream
  readonly token: string
  readonly host: string
  readonly counts: readonly number[]
}

export interface StreamCost {
  readonly target: Target
  readonly streams: number
  /** Resident memory for each stream more than without any; after collecting the garbage where there is some. */
  readonly bytesEach: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** CPU time for an event to one listener. */
  readonly microsEach: number
}

const SETTLING_MS = 3_000
const EVENTS = 200
const EVENT_PAUSE_MS = 5
const ARRIVING_MS = 1_000

export async function measureStreams(options: StreamOptions): Promise<readonly StreamCost[]> {
  const costs: StreamCost[] = []
  for (const target of options.targets) costs.push(...(await measureTarget(target, options)))
  return costs
}

async function measureTarget(target: Target, options: StreamOptions): Promise<readonly StreamCost[]> {
  const { upstream, counts } = options
  await warmUp(target, options)
  const empty = await settledBytes(target)
  const listeners = createListeners(target.url, options)
  const costs: StreamCost[] = []
  let open = 0
  for (const streams of counts) {
    await listeners.open(streams - open)
    open = streams
    const bytesEach = ((await settledBytes(target)) - empty) / streams
    costs.push({ target, streams, bytesEach, ...(await announce(target, upstream, listeners)) })
  }
  listeners.close()
  await upstream.emptied()
  return costs
}

/** What the first streams make a process load and keep is not theirs. */
async function warmUp({ url }: Target, options: StreamOptions): Promise<void> {
  const listeners = createListeners(url, options)
  await listeners.open(options.counts[0] ?? 0)
  listeners.close()
  await options.upstream.emptied()
}

async function settledBytes({ pids, inspectorPort }: Target): Promise<number> {
  await delay(SETTLING_MS)
  if (inspectorPort !== undefined && pids[0] !== undefined) {
    const inspector = await inspect(pids[0], inspectorPort)
    await inspector.collectGarbage()
    inspector.close()
  }
  return await residentBytes(pids)
}

async function announce({ pids }: Target, upstream: BenchUpstream, listeners: Listeners) {
  listeners.delays()
  const before = await cpuMicros(pids)
  for (let event = 0; event < EVENTS; event++) {
    await upstream.announce(1)
    await delay(EVENT_PAUSE_MS)
  }
  await delay(ARRIVING_MS)
  const microsEach = spentSince(before, await cpuMicros(pids)) / EVENTS
  const delays = [...listeners.delays()].sort((one, other) => one - other)
  if (delays.length !== EVENTS) throw new Error(`${delays.length} of ${EVENTS} events came through.`)
  const at = (share: number) => delays[Math.floor(delays.length * share)] ?? Number.NaN
  return { p50Ms: at(0.5), p99Ms: at(0.99), microsEach }
}
