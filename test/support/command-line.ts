// Owns running the real command line in tests, as an operator would.

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { createTestDatabase } from './database.ts'
import { PROGRAM_ENVIRONMENT } from './environment.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  /** What was printed, as JSON. */
  readonly json: Readonly<Record<string, unknown>>
}

const GATEHOUSE = fileURLToPath(new URL('../../src/cli/gatehouse.js', import.meta.url))

export type Gatehouse = (...args: readonly string[]) => Promise<Ran>

/** `gatehouse` with these variables and nothing else of the environment. */
export function commandLine(env: Readonly<Record<string, string>>): Gatehouse {
  return (...args) =>
    new Promise((resolve) => {
      const options = { env: { ...PROGRAM_ENVIRONMENT, ...env } }
      execFile(process.execPath, [GATEHOUSE, ...args], options, (error, out, err) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
        resolve({ code, out, err, json: parsed(out) })
      })
    })
}

function parsed(text: string): Ran['json'] {
  try {
    return { ...JSON.parse(text) }
  } catch {
    return {}
  }
}

/** On a PostgreSQL of its own, which the test may look into or serve from. */
export async function onPostgres(t: Test, env: Record<string, string> = {}) {
  const database = await createTestDatabase(t)
  if (database.config.kind !== 'postgres') throw new Error('expected PostgreSQL')
  const SECRET_KEY = randomBytes(32).toString('base64url')
  return { database, gatehouse: commandLine({ DATABASE_URL: database.config.url, SECRET_KEY, ...env }) }
}

/** Ends with one clear line, and nothing that a program would take for an answer. */
export async function fails(
  t: Test,
  gatehouse: Gatehouse,
  args: readonly string[],
  line: RegExp,
): Promise<void> {
  const { code, out, err } = await gatehouse(...args)
  t.equal(code, 1, args.join(' '))
  t.equal(out, '')
  t.match(err, line)
  t.equal(err.trim().split('\n').length, 1)
}
