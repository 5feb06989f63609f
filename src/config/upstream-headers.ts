// Owns the headers that are configured for an upstream: which may be, and with which values.

import type { Place } from './place.ts'
import { kindOf, type Report } from './problem.ts'
import { expand, type References } from './upstream-references.ts'

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
function headerNameProblem(name: string): string | null {
  if (!TOKEN.test(name)) return 'the name of a header'
  if (FORBIDDEN.has(name)) return 'a header that is not part of the connection'
  return name.startsWith(PROTOCOL_PREFIX) ? 'a header that does not belong to the protocol (mcp-…)' : null
}

/** RFC 9110 §5.5: no control characters, and nothing that does not fit into a byte. */
function isHeaderValue(value: string): boolean {
  return /^[\x20-\x7e\x80-\xff]*$/.test(value)
}

/** Names in lower case; references are expanded. Every problem is reported. */
export function readHeaders(
  headers: Readonly<Record<string, string>>,
  place: Place,
  references: References,
  report: Report,
): Readonly<Record<string, string>> {
  const read = new Map<string, string>()
  for (const [written, text] of Object.entries(headers)) {
    const at = place(['headers', written])
    const name = written.toLowerCase()
    const problem = read.has(name) ? 'each header once' : headerNameProblem(name)
    if (problem !== null) report({ ...at, expected: problem, got: `${JSON.stringify(written)}` })
    const value = expand(text, references, (expected, got) => report({ ...at, expected, got })).trim()
    if (!isHeaderValue(value))
      report({ ...at, expected: 'a text without control characters', got: kindOf(value) })
    read.set(name, value)
  }
  return Object.fromEntries(read)
}
