// Owns the comparison of large bodies: ten megabytes to the upstream, and ten back.

import { request } from 'undici'
import { cpuMicros, residentBytes, spentSince } from '../cpu.ts'
import { median } from '../measure.ts'
import { callOf, LARGE_ANSWER_TOOL, LARGE_BODY_TOOL, LARGE_BYTES, type McpRequest } from './request.ts'
import type { Target } from './target.ts'

export interface BodyOptions {
  readonly targets: readonly Target[]
  readonly token: string
  readonly host: string
  readonly rounds: number
}

export interface BodyCost {
  readonly target: Target
  readonly direction: 'to the upstream' | 'from the upstream'
  readonly cpuMs: number
  readonly elapsedMs: number
  /** The most that the processes had in memory after a round. */
  readonly residentBytes: number
}

const IN_A_ROW = 10
const REQUESTS: readonly (readonly [BodyCost['direction'], McpRequest])[] = [
  ['to the upstream', callOf(LARGE_BODY_TOOL, { text: 'x'.repeat(LARGE_BYTES) })],
  ['from the upstream', callOf(LARGE_ANSWER_TOOL, {})],
]

export async function measureBodies({
  targets,
  token,
  host,
  rounds,
}: BodyOptions): Promise<readonly BodyCost[]> {
  const samples = REQUESTS.flatMap(([direction, sent]) =>
    targets.map((target) => ({ target, direction, sent, costs: [] as Sample[] })),
  )
  for (let round = 0; round < rounds; round++)
    for (const { target, sent, costs } of samples)
      costs.push(await sample(target, sent, { host, authorization: `Bearer ${token}` }))
  return samples.map(({ target, direction, costs }) => ({
    target,
    direction,
    cpuMs: Math.min(...costs.map(({ cpuMs }) => cpuMs)),
    elapsedMs: median(costs.map(({ elapsedMs }) => elapsedMs)),
    residentBytes: Math.max(...costs.map(({ bytes }) => bytes)),
  }))
}

interface Sample {
  readonly cpuMs: number
  readonly elapsedMs: number
  readonly bytes: number
}

/** One after the other, and each divided by how many there were. */
async function sample(
  { url, pids }: Target,
  { headers, body }: McpRequest,
  own: Readonly<Record<string, string>>,
): Promise<Sample> {
  const before = await cpuMicros(pids)
  const began = performance.now()
  for (let count = 0; count < IN_A_ROW; count++) {
    const answer = await request(url, { method: 'POST', headers: { ...headers, ...own }, body })
    const text = await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${text.slice(0, 200)}`)
  }
  const elapsedMs = (performance.now() - began) / IN_A_ROW
  const cpuMs = spentSince(before, await cpuMicros(pids)) / IN_A_ROW / 1000
  return { cpuMs, elapsedMs, bytes: await residentBytes(pids) }
}
