// Owns the machine of a run: the programs that have to be there, what they are, and which core each process may use.

import { execFile, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Teardown } from '../../support/database.ts'

const run = promisify(execFile)

/** Load and upstream share one core; whatever is measured has the other to itself. */
export const LOAD_CORE = 0
export const TARGET_CORE = 1

/** Each with how it says its version. Debian's packages have the same names, but for `taskset`. */
const PROGRAMS = [
  { name: 'haproxy', args: ['-v'], shown: /HAProxy version (\S+)/ },
  { name: 'nginx', args: ['-v'], shown: /nginx\/(\S+)/ },
  { name: 'wrk', args: ['-v'], shown: /wrk \S*?([\d.]+)/ },
  { name: 'taskset', args: ['--version'], shown: /([\d.]+)/ },
]
const SBIN = '/usr/local/sbin:/usr/sbin:/sbin'

export const PATH = `${process.env.PATH ?? ''}:${SBIN}`

export interface Started {
  readonly pid: number
}

/** Throws, with the command that helps, when something is missing. Returns what the table has to name. */
export async function describeMachine(): Promise<string> {
  if (availableParallelism() < 2)
    throw new Error('This needs two cores: one for the load, one for what is measured.')
  const versions = await Promise.all(PROGRAMS.map(versionOf))
  const missing = PROGRAMS.filter((_, at) => versions[at] === null).map(({ name }) => name)
  if (missing.length > 0)
    throw new Error(
      `Not installed: ${missing.join(', ')}. On Debian: apt-get install haproxy nginx-light wrk util-linux`,
    )
  const named = PROGRAMS.slice(0, 3).map(({ name }, at) => `${name} ${versions[at]}`)
  const [cpu] = cpus()
  return [`${cpus().length} cores (${cpu?.model.trim()})`, `Node ${process.versions.node}`, ...named].join(
    ', ',
  )
}

async function versionOf({ name, args, shown }: (typeof PROGRAMS)[number]): Promise<string | null> {
  // wrk says its version and fails.
  const output: { stdout?: string; stderr?: string; code?: unknown } = await run(name, args, {
    env: { PATH },
  }).catch((error) => error)
  if (output.code === 'ENOENT') return null
  return shown.exec(`${output.stdout}${output.stderr}`)?.[1] ?? 'of an unknown version'
}

export interface Start {
  readonly core: number
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** Starts it on its core, with its output in a file of `directory`; ends it, and waits for that, at teardown. */
export async function startPinned(t: Teardown, directory: string, start: Start): Promise<Started> {
  const { core, command, args, env = {} } = start
  const log = await open(join(directory, `${command.split('/').at(-1)}-${Date.now()}.log`), 'a')
  const options: SpawnOptions = { env: { PATH, ...env }, stdio: ['ignore', log.fd, log.fd] }
  const child = spawn('taskset', ['-c', String(core), command, ...args], options)
  await once(child, 'spawn')
  await log.close()
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGTERM')
    const patience = setTimeout(() => child.kill('SIGKILL'), ENDING_MS)
    await ended
    clearTimeout(patience)
  })
  return { pid: child.pid ?? 0 }
}

const ENDING_MS = 5_000

/** This process and all its threads. */
export async function pinThisProcess(): Promise<void> {
  await run('taskset', ['-acp', String(LOAD_CORE), String(process.pid)])
}

const LOOK_AGAIN_MS = 50
const STARTING_MS = 30_000

/** Resolves when something answers there at all. */
export async function answersAt(url: string): Promise<void> {
  const until = performance.now() + STARTING_MS
  for (;;) {
    const there = await fetch(url).then(
      (response) => response.body?.cancel().then(() => true) ?? true,
      () => false,
    )
    if (there) return
    if (performance.now() > until) throw new Error(`Nothing answers at ${url}.`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
  }
}
