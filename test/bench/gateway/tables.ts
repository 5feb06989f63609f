// Owns the Markdown that a run prints.

import type { BodyCost } from './bodies.ts'
import type { Cost, Wait } from './calls.ts'
import type { StreamCost } from './streams.ts'

export function costTable(costs: readonly Cost[]): string {
  const gatehouse = costs.find(({ target }) => target.name === 'Gatehouse')?.bestMicros ?? Number.NaN
  const rows = costs.map(({ target, perSecond, bestMicros, medianMicros }) => {
    if (target.pids.length === 0) return [target.name, '–', '–', '–', whole(perSecond)]
    const cpu = [whole(bestMicros), whole(medianMicros)]
    return [target.name, ...cpu, (bestMicros / gatehouse).toFixed(2), whole(1e6 / bestMicros)]
  })
  return table(['', 'CPU µs, best', 'median', 'best against Gatehouse', 'requests a second and core'], rows)
}

export function waitTable(waits: readonly Wait[]): string {
  const names = [...new Set(waits.map(({ target }) => target.name))]
  const clients = [...new Set(waits.map((wait) => wait.clients))]
  const rows = names.map((name) => [
    name,
    ...clients.map((count) => {
      const wait = waits.find((each) => each.target.name === name && each.clients === count)
      return wait ? `${wait.p50.toFixed(2)} / ${wait.p99.toFixed(2)}` : '–'
    }),
  ])
  return table(['added ms, p50 / p99', ...clients.map((count) => `${count} clients`)], rows)
}

export function streamTable(costs: readonly StreamCost[]): string {
  const rows = costs.map(({ target, streams, bytesEach, p50Ms, p99Ms, microsEach }) => {
    const none = target.pids.length === 0
    const own = [none ? '–' : (bytesEach / 1024).toFixed(1), none ? '–' : whole(microsEach)]
    return [target.name, whole(streams), ...own, p50Ms.toFixed(2), p99Ms.toFixed(2)]
  })
  return table(['', 'streams', 'KiB each', 'CPU µs, one event', 'event ms, p50', 'p99'], rows)
}

export function bodyTable(costs: readonly BodyCost[]): string {
  const rows = costs.map(({ target, direction, cpuMs, elapsedMs, residentBytes }) => {
    const own = target.pids.length === 0 ? ['–', '–'] : [cpuMs.toFixed(1), mebibytes(residentBytes)]
    return [target.name, direction, ...own, elapsedMs.toFixed(0)]
  })
  return table(['', '10 MB', 'CPU ms each', 'resident MiB after', 'elapsed ms'], rows)
}

export function mebibytes(bytes: number): string {
  return whole(bytes / 1024 / 1024)
}

function whole(value: number): string {
  return value.toFixed(0)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
