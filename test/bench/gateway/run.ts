// Owns `npm run bench:gateway`: what a call through the gateway costs, beside other ways to put a check before a server.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Teardown } from '../../support/database.ts'
import { residentBytes } from '../cpu.ts'
import { measureBodies } from './bodies.ts'
import { measureCosts, measureWaits } from './calls.ts'
import { type BenchGatehouse, startGatehouse } from './gatehouse.ts'
import { startHaproxy } from './haproxy.ts'
import { describeMachine, pinThisProcess } from './machine.ts'
import { startNginx } from './nginx.ts'
import { MCP_PROXY_MISSING, startFastifyProxy, startMcpProxy } from './rivals.ts'
import type { Stage } from './stage.ts'
import { measureStreams } from './streams.ts'
import { bodyTable, costTable, mebibytes, streamTable, waitTable } from './tables.ts'
import type { Target } from './target.ts'
import { startUpstream } from './upstream.ts'
import { prepareWrk } from './wrk.ts'

const PARTS = ['calls', 'waits', 'fresh', 'streams', 'bodies'] as const
const USAGE = `Usage: npm run bench:gateway -- [--quick] [--only calls,waits,fresh,streams,bodies] [--against DIRECTORY]

  --quick    shorter rounds and fewer of them, without fresh tokens unless they are asked for
  --only     these parts alone
  --against  another working copy, measured as one more target`

/** More than the gateway remembers, so that one after the other each is new again. */
const FRESH_TOKENS = 12_000
const KNOWN_TOKENS = 1_000
const IDLE_MS = 10_000
const WAIT_ROUNDS = 3

interface Extent {
  readonly rounds: number
  readonly seconds: number
  readonly waitSeconds: number
  readonly streams: readonly number[]
}

const FULL: Extent = { rounds: 7, seconds: 3, waitSeconds: 4, streams: [1_000, 5_000] }
const QUICK: Extent = { rounds: 3, seconds: 1, waitSeconds: 2, streams: [1_000] }

interface Options {
  readonly extent: Extent
  readonly parts: ReadonlySet<string>
  readonly against: string | undefined
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      against: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const parts = values.only?.split(',') ?? PARTS.filter((part) => part !== 'fresh' || !values.quick)
  const unknown = parts.filter((part) => !PARTS.some((known) => known === part))
  if (values.help || unknown.length > 0) throw new Error(USAGE)
  return { extent: values.quick ? QUICK : FULL, parts: new Set(parts), against: values.against }
}

async function compare(t: Teardown, options: Options): Promise<void> {
  console.log(`${await describeMachine()}, ${new Date().toISOString().slice(0, 10)}\n`)
  await pinThisProcess()
  const directory = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const upstream = await startUpstream({ t, directory })
  const gatehouse = await startGatehouse({ t, directory, upstream })
  await delay(IDLE_MS)
  await sayMemory('idle after its start', gatehouse)
  const targets = await startTargets({ t, directory, upstream, ...gatehouse }, gatehouse, options)
  await measure({ directory, upstream, targets, gatehouse }, options)
  await sayMemory('at the end', gatehouse)
}

/** The upstream itself comes first. */
async function startTargets(
  stage: Stage,
  gatehouse: BenchGatehouse,
  { against }: Options,
): Promise<readonly Target[]> {
  const direct: Target = { name: 'directly', url: stage.upstream.url, pids: [], versatile: true }
  const targets = [direct, await startHaproxy(stage), await startNginx(stage), gatehouse]
  if (against !== undefined) targets.push(await gatehouse.startAnother(against, against))
  const mcpProxy = await startMcpProxy(stage)
  if (mcpProxy === null) console.log(`${MCP_PROXY_MISSING}\n`)
  targets.push(await startFastifyProxy(stage), ...(mcpProxy ? [mcpProxy] : []))
  return targets
}

interface Scene extends Pick<Stage, 'directory' | 'upstream'> {
  readonly targets: readonly Target[]
  readonly gatehouse: BenchGatehouse
}

async function measure({ directory, upstream, targets, gatehouse }: Scene, { extent, parts }: Options) {
  const { host } = gatehouse
  const { rounds, seconds, waitSeconds, streams: counts } = extent
  const wrk = await prepareWrk({ directory, host })
  const tokens = await gatehouse.tokens(parts.has('fresh') ? FRESH_TOKENS : KNOWN_TOKENS)
  const tokensFile = await save(directory, 'known-tokens', tokens.slice(0, KNOWN_TOKENS))
  const versatile = targets.filter((target) => target.versatile)
  const calls = { targets, wrk, tokensFile, rounds, seconds }
  const listening = { targets: versatile, token: tokens[0] ?? '', host, rounds, upstream, counts }

  const show = async (part: string, print: () => Promise<string>) => {
    if (parts.has(part)) console.log(`${await print()}\n`)
  }
  await show('calls', async () => costTable(await measureCosts(calls)))
  await show('fresh', async () => {
    const fresh = await save(directory, 'fresh-tokens', tokens)
    // nginx could only be asked to forget all of them at once.
    const verifying = versatile.filter(({ name }) => !name.startsWith('nginx'))
    const costs = await measureCosts({ ...calls, targets: verifying, tokensFile: fresh })
    return `Every token new:\n\n${costTable(costs)}`
  })
  await show('waits', async () =>
    waitTable(await measureWaits({ ...calls, rounds: WAIT_ROUNDS, seconds: waitSeconds })),
  )
  await show('streams', async () => streamTable(await measureStreams(listening)))
  await show('bodies', async () => bodyTable(await measureBodies(listening)))
}

async function sayMemory(when: string, { pids }: Target): Promise<void> {
  console.log(`Gatehouse, ${when}: ${mebibytes(await residentBytes(pids))} MiB resident\n`)
}

async function save(directory: string, name: string, tokens: readonly string[]): Promise<string> {
  const file = join(directory, name)
  await writeFile(file, `${tokens.join('\n')}\n`)
  return file
}

const ends: (() => unknown)[] = []
const t = { teardown: (end: () => unknown) => ends.unshift(end) }
try {
  await compare(t, readOptions())
} finally {
  for (const end of ends) await end()
}
