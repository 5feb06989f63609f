// Owns which files the upstreams come from: their document, single members of them, and the secrets that they refer to.

import { resolve } from 'node:path'
import { memberOf } from './families.ts'
import { type Environment, isBlank } from './given.ts'

const FILE = '_FILE'

/** Absolute, whether or not they are there. */
export function upstreamFilesOf(env: Environment, referable: readonly string[]): readonly string[] {
  const secrets = new Set(referable)
  return Object.entries(env).flatMap(([name, path]) => {
    if (path === undefined || isBlank(path) || !name.endsWith(FILE)) return []
    const variable = name.slice(0, -FILE.length)
    const ours = variable === 'UPSTREAMS' || memberOf(variable)?.family === 'UPSTREAM'
    return ours || secrets.has(variable) ? [resolve(path)] : []
  })
}
