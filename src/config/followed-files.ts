// Owns which files are followed while the service runs: the policy, and those that the upstreams and their secrets come from.

import { resolve } from 'node:path'
import { memberOf } from './families.ts'
import { type Environment, isBlank } from './given.ts'

const FILE = '_FILE'
const FOLLOWED: ReadonlySet<string> = new Set(['UPSTREAMS', 'POLICY'])

/** Absolute, whether or not they are there. */
export function followedFilesOf(env: Environment, referable: readonly string[]): readonly string[] {
  const secrets = new Set(referable)
  return Object.entries(env).flatMap(([name, path]) => {
    if (path === undefined || isBlank(path) || !name.endsWith(FILE)) return []
    const variable = name.slice(0, -FILE.length)
    const ours = FOLLOWED.has(variable) || memberOf(variable)?.family === 'UPSTREAM'
    return ours || secrets.has(variable) ? [resolve(path)] : []
  })
}
