// Owns the flags of the command line that stand for a variable.

import type { Environment } from './given.ts'
import type { Variable } from './schema.ts'

const VARIABLE_OF_FLAG = {
  host: 'HOST',
  port: 'PORT',
  'log-level': 'LOG_LEVEL',
} as const satisfies Record<string, Variable>

export type Flag = keyof typeof VARIABLE_OF_FLAG
export type Flags = Readonly<Partial<Record<Flag, string | undefined>>>

/** For `parseArgs` of node:util. */
export const FLAG_OPTIONS = {
  host: { type: 'string' },
  port: { type: 'string' },
  'log-level': { type: 'string' },
} as const satisfies Record<Flag, { type: 'string' }>

/** The environment as if the flags had been variables: they win, over the `_FILE` form too. */
export function withFlags(env: Environment, flags: Flags): Environment {
  const changed: Record<string, string | undefined> = { ...env }
  for (const [flag, variable] of Object.entries(VARIABLE_OF_FLAG)) {
    const value = Object.entries(flags).find(([name]) => name === flag)?.[1]
    if (value === undefined) continue
    changed[variable] = value
    changed[`${variable}_FILE`] = undefined
  }
  return changed
}
