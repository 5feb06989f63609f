// Owns Gatehouse as a process of its own, started the way a person starts it.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { prepareTestDatabase, type Teardown } from './database.ts'
import { PROGRAM_ENVIRONMENT } from './environment.ts'
import { freePort } from './local-server.ts'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
export const LAUNCHER = join(ROOT, 'src/cli/gatehouse.js')

export type Environment = Readonly<Record<string, string>>

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface CommandProcess {
  readonly pid: number
  readonly stdout: () => string
  readonly stderr: () => string
  /** Whether its standard output is read, which it is unless somebody pauses that. */
  readonly reading: { pause(): void; resume(): void }
  readonly ended: Promise<Ended>
  signal(name: NodeJS.Signals): void
}

export interface Served extends CommandProcess {
  readonly origin: string
  /** Until the banner stood there. */
  readonly startedInMs: number
  /** SIGTERM, and wait. */
  stop(): Promise<Ended>
}

export interface StartOptions {
  readonly node?: string
  /** For node itself. */
  readonly flags?: readonly string[]
  readonly launcher?: string
  /** A process group of its own, so that at teardown its children are killed with it. */
  readonly group?: boolean
}

export interface RunOptions extends StartOptions {
  readonly env?: Environment
}

/** `node src/cli/gatehouse.js …`, as `run` does it. */
export function runGatehouse(t: Teardown, args: readonly string[], options: RunOptions = {}): CommandProcess {
  const { env = {}, node = process.execPath, flags = [], launcher = LAUNCHER, group = false } = options
  return run(t, [node, ...flags, launcher, ...args], { env, group })
}

/** With nothing of this process's environment but where programs are. Killed at teardown. */
function run(
  t: Teardown,
  [program, ...args]: readonly [string, ...string[]],
  { env, group }: { readonly env: Environment; readonly group: boolean },
): CommandProcess {
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { ...PROGRAM_ENVIRONMENT, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: group,
  })
  t.teardown(() => (group ? killGroup(child.pid) : child.kill('SIGKILL')))
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  return {
    pid: child.pid ?? 0,
    stdout: collect(child.stdout),
    stderr: collect(child.stderr),
    reading: { pause: () => void child.stdout.pause(), resume: () => void child.stdout.resume() },
    ended,
    signal: (name) => void child.kill(name),
  }
}

function killGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGKILL')
  } catch {
    // Nobody is left of it.
  }
}

/** `npm start`, once it says that it is ready. The process is npm's. */
export async function npmStart(t: Teardown, env: Environment): Promise<Served> {
  const quiet = { npm_config_update_notifier: 'false', npm_config_loglevel: 'error' }
  return await ready(env, (given) => run(t, ['npm', 'start'], { env: { ...quiet, ...given }, group: true }))
}

/** Resolves once the service says that it is ready; rejects, with what it said, when it ends before that. */
export async function serve(
  t: Teardown,
  env: Environment,
  args: readonly string[] = [],
  options: StartOptions = {},
): Promise<Served> {
  return await ready(env, (given) => runGatehouse(t, ['serve', ...args], { ...options, env: given }))
}

async function ready(env: Environment, start: (env: Environment) => CommandProcess): Promise<Served> {
  const began = performance.now()
  const port = env.PORT ?? String(await freePort())
  const running = start({ PORT: port, ...env })
  await saysReady(running)
  return {
    ...running,
    origin: env.PUBLIC_URL ?? `http://localhost:${port}`,
    startedInMs: Math.round(performance.now() - began),
    stop() {
      running.signal('SIGTERM')
      return running.ended
    },
  }
}

/** A directory for DATA_DIR that is not there yet. */
export async function emptyDataDir(t: Teardown): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'gatehouse-process-'))
  t.teardown(() => rm(parent, { recursive: true, force: true }))
  return join(parent, 'data')
}

/** A DATA_DIR in which a service has been before, so that starting does not take its seconds again. */
export async function usedDataDir(t: Teardown): Promise<string> {
  const config = await prepareTestDatabase(t, { kind: 'embedded' })
  if (config.kind !== 'embedded') throw new Error('not the embedded database')
  return dirname(config.directory)
}

export function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function collect(stream: ChildProcess['stdout']): () => string {
  const chunks: string[] = []
  stream?.setEncoding('utf8').on('data', (chunk) => chunks.push(String(chunk)))
  return () => chunks.join('')
}

const LOOK_AGAIN_MS = 20

async function saysReady({ stdout, stderr, ended }: CommandProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<'ready'>()
  const looking = setInterval(() => stdout().includes('"msg":"ready"') && resolve('ready'), LOOK_AGAIN_MS)
  const outcome = await Promise.race([promise, ended]).finally(() => clearInterval(looking))
  if (outcome !== 'ready')
    throw new Error(`ended with ${outcome.code ?? outcome.signal}:\n${stderr()}${stdout()}`)
}
