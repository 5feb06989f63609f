// Owns measuring: how many requests a second are answered, and what CPU time each costs the process that answers.

import { Pool } from 'undici'
import { cpuMicros, spentSince } from './cpu.ts'

export interface Sample {
  readonly perSecond: number
  /** CPU time of the service, for each request. */
  readonly serviceMicros: number
  /** CPU time of PostgreSQL's backends, for each request. */
  readonly databaseMicros: number
  /** What one core could answer, if it did both and nothing else. */
  readonly perCore: number
}

export interface Processes {
  readonly service: number
  readonly databaseBackends: () => Promise<readonly number[]>
}

export interface TokenRequest {
  /** `/token` unless said otherwise. */
  readonly path?: string
  readonly form: Readonly<Record<string, string>>
}

/** Answers what the next request of this worker is, given the answer to its last one. */
export type Worker = (last: Readonly<Record<string, unknown>> | null) => TokenRequest

export interface Load {
  readonly origin: string
  /** Each has one connection and waits for its answer before it asks again. */
  readonly workers: readonly Worker[]
  readonly requestsEach: number
}

export async function measure(load: Load, { service, databaseBackends }: Processes): Promise<Sample> {
  const cpu = async () => [await cpuMicros([service]), await cpuMicros(await databaseBackends())] as const
  const [serviceBefore, databaseBefore] = await cpu()
  const began = performance.now()
  await apply(load)
  const seconds = (performance.now() - began) / 1000
  const [serviceAfter, databaseAfter] = await cpu()
  const count = load.workers.length * load.requestsEach
  const serviceMicros = spentSince(serviceBefore, serviceAfter) / count
  const databaseMicros = spentSince(databaseBefore, databaseAfter) / count
  return {
    perSecond: count / seconds,
    serviceMicros,
    databaseMicros,
    perCore: 1_000_000 / (serviceMicros + databaseMicros),
  }
}

async function apply({ origin, workers, requestsEach }: Load): Promise<void> {
  const pool = new Pool(origin, { connections: workers.length, pipelining: 1 })
  await Promise.all(workers.map((worker) => work(pool, worker, requestsEach)))
  await pool.close()
}

async function work(pool: Pool, worker: Worker, requests: number): Promise<void> {
  let last: Record<string, unknown> | null = null
  for (let done = 0; done < requests; done++) {
    const { path = '/token', form } = worker(last)
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await pool.request({ path, method: 'POST', headers, body: `${new URLSearchParams(form)}` })
    const text = await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${text}`)
    last = JSON.parse(text)
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
