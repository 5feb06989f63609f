// Owns running the real command line in tests, as an operator would.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

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
      const options = { env: { PATH: process.env.PATH ?? '', ...env } }
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
