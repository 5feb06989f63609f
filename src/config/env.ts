// Owns the process's environment: the only reader of process.env, and of an optional .env file.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import type { Environment } from './given.ts'
import { ConfigError } from './problem.ts'

/** The environment, and below it what `.env` in `directory` says. Changes nothing for child processes. */
export function readEnvironment(directory: string = process.cwd()): Environment {
  return { ...readEnvFile(join(directory, '.env')), ...process.env }
}

function readEnvFile(path: string): Environment {
  try {
    return parseEnv(readFileSync(path, 'utf8'))
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
    if (code === 'ENOENT') return {}
    throw new ConfigError([{ variable: '.env', expected: 'a readable file, or none', got: code }], { cause })
  }
}
