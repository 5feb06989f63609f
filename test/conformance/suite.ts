// Owns running the conformance suite as a process and reading what it found.

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { z } from 'zod'

const PACKAGE = new URL('../../node_modules/@modelcontextprotocol/conformance/', import.meta.url)
const SUITE_TIMEOUT_MILLISECONDS = 8 * 60_000
const LINES_KEPT = 20
const CHECKS_FILE = 'checks.json'

const CHECKS = z.array(z.object({ id: z.string(), status: z.string(), errorMessage: z.string().optional() }))
const REQUIREMENTS = z.object({
  server: z.array(z.string()),
  client: z.array(z.string()),
  not_scored: z.array(z.object({ scenario: z.string(), leg: z.string(), reason: z.string() })),
})

export type Check = z.infer<typeof CHECKS>[number]

/** By scenario, in the order in which they ran. */
export type Outcome = ReadonlyMap<string, readonly Check[]>

/** The scenarios that a revision demands; the suite runs others beside them and does not score those. */
export async function requiredScenarios(
  revision: string,
  of: 'server' | 'client' = 'server',
): Promise<ReadonlySet<string>> {
  return new Set((await requirementsOf(revision))[of])
}

/** What clients may have beside it. */
export async function extensionScenarios(revision: string): Promise<readonly string[]> {
  const { not_scored } = await requirementsOf(revision)
  return not_scored
    .filter(({ leg, reason }) => leg === 'client' && reason === 'extension')
    .map(({ scenario }) => scenario)
}

async function requirementsOf(revision: string): Promise<z.output<typeof REQUIREMENTS>> {
  const file = await readFile(new URL(`requirements/${revision}.yaml`, PACKAGE), 'utf8')
  return REQUIREMENTS.parse(parse(file))
}

export interface Watching {
  /** Sees every line the suite prints. */
  readonly onLine?: (line: string) => void
  /** Ends the suite early, and then nothing of it counts. */
  readonly signal?: AbortSignal
  /** For what the suite starts. */
  readonly env?: Readonly<Record<string, string>>
  /** Of what it says while it works, beside its findings. */
  readonly quiet?: boolean
}

/** Throws when the suite found nothing at all. */
export async function runSuite(args: readonly string[], watching: Watching = {}): Promise<Outcome> {
  const directory = await mkdtemp(join(tmpdir(), 'conformance-'))
  try {
    const suite = fileURLToPath(new URL('dist/index.js', PACKAGE))
    const child = spawn(process.execPath, [suite, ...args, '--output-dir', directory], {
      stdio: ['ignore', 'pipe', watching.quiet ? 'ignore' : 'inherit'],
      env: { ...process.env, ...watching.env },
      timeout: SUITE_TIMEOUT_MILLISECONDS,
    })
    const lastLines = await follow(child, watching)
    watching.signal?.throwIfAborted()
    if (child.signalCode !== null) throw new Error(`The conformance suite was ended by ${child.signalCode}`)
    const outcome = await readOutcome(directory)
    if (outcome.size === 0) throw new Error(`The conformance suite found nothing:\n${lastLines.join('\n')}`)
    return outcome
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function follow(
  child: ChildProcessByStdio<null, Readable, null>,
  { onLine, signal }: Watching,
): Promise<readonly string[]> {
  const exited = once(child, 'exit')
  signal?.addEventListener('abort', () => child.kill())
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (lines.length > LINES_KEPT) lines.shift()
    onLine?.(line)
  }
  await exited
  return lines
}

/** One directory per scenario: `<command>-<scenario>-<time>`, for clients without the command. */
async function readOutcome(directory: string): Promise<Outcome> {
  const outcome = new Map<string, readonly Check[]>()
  const files = (await readdir(directory, { recursive: true })).filter(
    (name) => basename(name) === CHECKS_FILE,
  )
  const found = files.map((name) => ({ name, ...partsOf(dirname(name)) }))
  for (const { name, scenario } of found.sort((a, b) => a.time.localeCompare(b.time))) {
    outcome.set(scenario, CHECKS.parse(JSON.parse(await readFile(join(directory, name), 'utf8'))))
  }
  return outcome
}

function partsOf(name: string): { scenario: string; time: string } {
  const [, scenario = name, time = ''] =
    /^(?:server-|authorization-server-)?(.+)-(\d{4}-\d\d-\d\dT[\d-]+Z)$/.exec(name) ?? []
  return { scenario, time }
}
