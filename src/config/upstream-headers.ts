// Owns the headers that are configured for an upstream: which may be, and how a secret gets into them.

import { type Environment, isBlank, isOurs, readText } from './given.ts'
import type { Report } from './problem.ts'

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/

/** RFC 9110 §7.6.1 and what HTTP itself needs: a fixed value would break the message it is put on. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The protocol's own headers belong to each message. */
const PROTOCOL_PREFIX = 'mcp-'

/** What is wrong with a name in lower case, as "expected …"; null when nothing is. */
export function headerNameProblem(name: string): string | null {
  if (!TOKEN.test(name)) return 'the name of a header'
  if (FORBIDDEN.has(name)) return 'a header that is not part of the connection'
  return name.startsWith(PROTOCOL_PREFIX) ? 'a header that does not belong to the protocol (mcp-…)' : null
}

/** RFC 9110 §5.5: no control characters, and nothing that does not fit into a byte. */
export function isHeaderValue(value: string): boolean {
  return /^[\x20-\x7e\x80-\xff]*$/.test(value)
}

export interface References {
  readonly env: Environment
  /** The only names that may be referred to. */
  readonly allowed: readonly string[]
}

/** `at` has been bound by the caller: these problems are all about one header's value. */
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
      report(`${name} to be listed in UPSTREAMS_ENV before a header may refer to it`, 'nothing of the kind')
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
    report(`a value in ${name} or ${file}, which the header refers to`, 'nothing')
    return ''
  }
  const failed: Report = ({ got }) => report(`${file} to name a readable text file`, got)
  return readText(file, path, failed) ?? ''
}
