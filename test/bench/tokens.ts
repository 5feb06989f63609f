// Owns `npm run bench:tokens`: how fast tokens are issued, beside bare oidc-provider in memory, as a Markdown table.

import { measure, median, type Sample, type TokenRequest, type Worker } from './measure.ts'
import { startBareProvider, startGatehouse, type Target } from './targets.ts'

const WORKERS = 8
const REQUESTS_EACH = Number(process.env.BENCH_REQUESTS ?? 50)
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7)

interface Operation {
  readonly name: string
  /** The workers of one round; what they spend is made before the clock starts. */
  prepare(target: Target, workers: number, requestsEach: number): Promise<readonly Worker[]>
}

const OPERATIONS: readonly Operation[] = [
  {
    name: 'code exchange',
    async prepare(target, workers, requestsEach) {
      const codes = await target.codes(workers * requestsEach)
      const next = codes.values()
      return Array.from({ length: workers }, () => () => next.next().value ?? { form: {} })
    },
  },
  {
    name: 'refresh',
    async prepare(target, workers) {
      const codes = await target.codes(workers)
      const firsts = await Promise.all(codes.map((code) => redeem(target, code)))
      return firsts.map(
        (first): Worker =>
          (last) =>
            target.refreshing(String((last ?? first).refresh_token)),
      )
    },
  },
  {
    name: 'client credentials',
    prepare: async (target, workers) => Array.from({ length: workers }, () => target.credentials),
  },
  {
    name: 'introspection',
    async prepare(target, workers) {
      const codes = await target.codes(workers)
      const tokens = await Promise.all(codes.map((code) => redeem(target, code)))
      return tokens.map((each) => () => target.introspecting(each))
    },
  },
]

interface Row {
  readonly operation: Operation
  readonly target: Target
  readonly samples: Sample[]
}

async function compare(targets: readonly Target[]): Promise<void> {
  const rows = OPERATIONS.flatMap((operation) =>
    targets.map((target): Row => ({ operation, target, samples: [] })),
  )
  // The first round warms up and is thrown away.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const row of rows) {
      const sample = await play(row)
      if (round > 0) row.samples.push(sample)
    }
  }
  console.log(HEAD)
  for (const row of rows) console.log(await describe(row))
}

async function play({ operation, target }: Row): Promise<Sample> {
  const workers = await operation.prepare(target, WORKERS, REQUESTS_EACH)
  return measure({ origin: target.origin, workers, requestsEach: REQUESTS_EACH }, target.processes)
}

const HEAD = `| | | CPU µs each | of PostgreSQL | per second and core | as measured | statements |
|---|---|---|---|---|---|---|`

async function describe({ operation, target, samples }: Row): Promise<string> {
  const middle = (of: keyof Sample) => Math.round(median(samples.map((sample) => sample[of])))
  const [warmUp, counted] = await operation.prepare(target, 2, 1)
  const statements = warmUp && counted ? await target.statementsOf(warmUp(null), counted(null)) : []
  const figures = ['serviceMicros', 'databaseMicros', 'perCore', 'perSecond'] as const
  const cells = [...figures.map(middle), statements.length]
  return `| ${operation.name} | ${target.name} | ${cells.map((cell) => cell || '–').join(' | ')} |`
}

async function redeem(
  { origin }: Target,
  { form }: TokenRequest,
): Promise<Readonly<Record<string, unknown>>> {
  const answer = await fetch(`${origin}/token`, { method: 'POST', body: new URLSearchParams(form) })
  return JSON.parse(await answer.text())
}

const ends: (() => unknown)[] = []
const t = { teardown: (end: () => unknown) => ends.unshift(end) }
try {
  await compare(await Promise.all([startGatehouse(t), startBareProvider(t)]))
} finally {
  for (const end of ends) await end()
}
