// Owns how these tests look at a refused configuration.

import { ConfigError, loadConfig, type Problem } from '../../src/config/config.ts'
import type { Environment } from '../../src/config/given.ts'

/** Every problem with `env`; none when it is accepted. */
export function problemsOf(env: Environment): readonly Problem[] {
  return configErrorOf(env)?.problems ?? []
}

export function configErrorOf(env: Environment): ConfigError | null {
  try {
    loadConfig(env)
    return null
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
}

/** The variables with problems, each with its place. */
export function blamed(env: Environment): readonly string[] {
  return problemsOf(env).map(({ variable, at }) => (at === undefined ? variable : `${variable}, ${at}`))
}

export function upstreamsOf(servers: unknown, env: Environment = {}) {
  return loadConfig({ ...env, UPSTREAMS: JSON.stringify(servers) }).upstreams
}

/** Every problem with one upstream called `notes`. */
export function problemsOfNotes(entry: unknown, env: Environment = {}): readonly Problem[] {
  return problemsOf({ ...env, UPSTREAMS: JSON.stringify({ notes: entry }) })
}
