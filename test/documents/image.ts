// Owns the image without an engine: the files and the build command of the Dockerfile, in a directory of their own.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Teardown } from '../support/database.ts'
import { contextFiles, dockerStages, textsOf } from './image-files.ts'
import { ROOT } from './project.ts'

const READY_WITHIN_MS = 90_000
const ASK_EVERY_MS = 100
const run = promisify(execFile)

/** The directory that the image has as /app. */
export async function buildImage(t: Teardown): Promise<string> {
  const directory = temporaryDirectory(t)
  for (const file of contextFiles()) cpSync(join(ROOT, file), join(directory, file))
  const [build] = dockerStages()
  for (const command of build ? textsOf(build, 'RUN') : []) {
    const env = { ...environment(), npm_config_prefer_offline: 'true' }
    await run('sh', ['-ec', command], { cwd: directory, env })
  }
  return directory
}

export function temporaryDirectory(t: Teardown): string {
  const directory = mkdtempSync(join(tmpdir(), 'gatehouse-image-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** What a fresh container has, and not what the test runner or npm put into ours. */
function environment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:NODE_OPTIONS|TAP|_?TAPJS|npm_(?:package|lifecycle|config_local_prefix))/.test(name),
  )
  return Object.fromEntries(inherited)
}

export interface Program {
  readonly child: ChildProcess
  /** Everything it printed so far. */
  readonly output: () => string
  /** Asks it to stop; resolves to its exit code and signal. */
  stop(): Promise<unknown[]>
}

/** Runs `node <args>` in the image. */
export function startProgram(
  t: Teardown,
  image: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Program {
  const child = spawn(process.execPath, args, {
    cwd: image,
    env: { PATH: dirname(process.execPath), NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  const keep = (chunk: unknown) => {
    output += String(chunk)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  return {
    child,
    output: () => output,
    stop: () => {
      child.kill('SIGTERM')
      return exited
    },
  }
}

/** Resolves once the URL answers 200. Throws, with what the program printed, when it ends or takes too long. */
export async function waitFor(url: string, { child, output }: Program): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS
  while (Date.now() < deadline && child.exitCode === null) {
    const answer = await fetch(url).catch(() => null)
    await answer?.body?.cancel()
    if (answer?.status === 200) return
    await delay(ASK_EVERY_MS)
  }
  throw new Error(`${url} did not answer 200:\n${output()}`)
}

/** Every file with its size and the time it was written: equal to another only when nothing was touched in between. */
export function fingerprintOf(directory: string): ReadonlyMap<string, string> {
  const entries = readdirSync(directory, { withFileTypes: true, recursive: true })
  return new Map(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name)
        const { size, mtimeMs } = statSync(path)
        return [path, `${size} ${mtimeMs}`]
      }),
  )
}
