// Owns the parameters of tools that are mirrored in headers (MCP 2026-07-28, "Custom Headers from Tool Parameters").

import { encodeMirrored, PARAMETER_PREFIX } from '../../mcp/mirrored.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'

/** Where in the arguments the value of a header is. */
export interface MirroredParameter {
  readonly header: string
  readonly path: readonly string[]
}

const ANNOTATION = 'x-mcp-header'
/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/
const PRIMITIVES: readonly unknown[] = ['string', 'integer', 'boolean']
/** Keywords that hold data, not schemas: what looks like an annotation there is none. */
const DATA: ReadonlySet<string> = new Set([ANNOTATION, 'default', 'const', 'enum', 'examples'])
/** Deeper than any schema that somebody wrote. */
const MAX_DEPTH = 32

/** Null when an annotation is not as it must be: then the whole definition is invalid, and nobody is to be offered the tool. */
export function mirroredParameters(tool: Members): readonly MirroredParameter[] | null {
  const found: MirroredParameter[] = []
  if (!collect(tool.inputSchema, [], found)) return null
  const names = new Set(found.map(({ header }) => header))
  return names.size === found.length ? found : null
}

/** The headers for these arguments. What is not there, or null, has none; neither has what is no primitive after all. */
export function parameterHeaders(
  parameters: readonly MirroredParameter[],
  given: unknown,
): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const { header, path } of parameters) {
    const value = path.reduce<unknown>(
      (at, key) => (isRecord(at) && Object.hasOwn(at, key) ? at[key] : null),
      given,
    )
    const text = textOf(value)
    if (text !== null) headers[header] = encodeMirrored(text)
  }
  return headers
}

/** Along `properties` alone; an annotation anywhere else ("statically reachable") makes the schema invalid. */
function collect(schema: unknown, path: readonly string[], found: MirroredParameter[]): boolean {
  if (!isRecord(schema)) return true
  if (path.length > MAX_DEPTH) return false
  if (ANNOTATION in schema) {
    const header = headerOf(schema, path)
    if (header === null) return false
    found.push({ header, path })
  }
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'properties' && isRecord(value)) {
      if (!Object.entries(value).every(([key, each]) => collect(each, [...path, key], found))) return false
    } else if (!DATA.has(keyword) && isAnnotatedSomewhere(value, 0)) return false
  }
  return true
}

function headerOf({ [ANNOTATION]: name, type }: Members, path: readonly string[]): string | null {
  if (path.length === 0 || typeof name !== 'string' || !TOKEN.test(name)) return null
  return PRIMITIVES.includes(type) ? PARAMETER_PREFIX + name.toLowerCase() : null
}

function isAnnotatedSomewhere(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (depth > MAX_DEPTH) return true
  if (!Array.isArray(value) && Object.hasOwn(value, ANNOTATION)) return true
  return Object.values(value).some((each) => isAnnotatedSomewhere(each, depth + 1))
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean' || Number.isSafeInteger(value)) return String(value)
  return null
}
