// Owns how a secret gets into the settings of an upstream: by the name of a variable that the operator has listed.

import { type Environment, isBlank, isOurs, readText } from './given.ts'
import type { Report } from './problem.ts'

export interface References {
  readonly env: Environment
  /** The only names that may be referred to. */
  readonly allowed: readonly string[]
}

/** `at` has been bound by the caller: these problems are all about one value. */
export type ReportValue = (expected: string, got: string) => void

/**
 * Replaces each `${env:NAME}`. Nothing but the names that the operator listed can be reached from here, and none of our
 * own variables, so a copied configuration cannot send the master key to somebody's server.
 */
export function expand(value: string, { env, allowed }: References, report: ReportValue): string {
  return value.replace(/\$\{([^}]*)\}?/g, (reference, inside: string) => {
    const name = /^env:([A-Za-z_]\w*)$/.exec(inside)?.[1]
    if (name === undefined || !reference.endsWith('}')) {
      report(`references in the form \${env:NAME} only`, 'another one')
    } else if (isOurs(name)) {
      report('a reference to a variable that is not Gatehouse’s own', `\${env:${name}}`)
    } else if (!allowed.includes(name)) {
      report(`${name} to be listed in UPSTREAMS_ENV before anything may refer to it`, 'nothing of the kind')
    } else {
      return lookUp(name, env, report)
    }
    return ''
  })
}

function lookUp(name: string, env: Environment, report: ReportValue): string {
  const file = `${name}_FILE`
  const [value, path] = [env[name], env[file]]
  if (value !== undefined && !isBlank(value)) return value
  if (path === undefined || isBlank(path)) {
    report(`a value in ${name} or ${file}, which is referred to`, 'nothing')
    return ''
  }
  const failed: Report = ({ got }) => report(`${file} to name a readable text file`, got)
  return readText(file, path, failed) ?? ''
}
