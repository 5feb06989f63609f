// Owns the schemas of a document as schemas that stand for themselves: each with the definitions it refers to, and no more.

import { isRecord, type Members } from '../../mcp/rpc.ts'
import { lookUp } from './pointer.ts'

/** OpenAPI's own words, which mean nothing in JSON Schema, and those that would change what a reference refers to. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'discriminator',
  'xml',
  'externalDocs',
  'example',
  'examples',
  '$id',
  '$schema',
  '$anchor',
  '$dynamicAnchor',
  '$dynamicRef',
  '$defs',
  '$vocabulary',
])

/** Names in these are data, not words of JSON Schema. */
const OF_NAMES: ReadonlySet<string> = new Set(['properties', 'patternProperties', 'dependentSchemas'])
const OF_VALUES: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'required', 'dependentRequired'])

const MAX_NODES = 5_000
const MAX_DEFINITIONS = 200
const MAX_DEPTH = 48

export interface Definitions {
  /** The same schema, whose references lead into `definitions`. */
  take(schema: unknown): unknown
  /** Everything that was referred to so far, by name. */
  definitions(): Members
}

/** What is too much to be told to a client becomes a schema that allows anything: the API says itself what it refuses. */
export function createDefinitions(document: Members): Definitions {
  const names = new Map<string, string>()
  const taken = new Map<string, unknown>()
  let nodes = 0

  function take(schema: unknown, depth = 0): unknown {
    if (typeof schema === 'boolean') return schema
    if (!isRecord(schema) || ++nodes > MAX_NODES || depth > MAX_DEPTH) return {}
    return Object.fromEntries(
      Object.entries(schema).flatMap(([word, value]) =>
        LEFT_OUT.has(word) || word.startsWith('x-') ? [] : [[word, takeWord(word, value, depth + 1)]],
      ),
    )
  }

  function takeWord(word: string, value: unknown, depth: number): unknown {
    if (word === '$ref') return typeof value === 'string' ? refer(value) : undefined
    if (OF_VALUES.has(word)) return value
    if (OF_NAMES.has(word) && isRecord(value))
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, take(each, depth)]))
    if (Array.isArray(value)) return value.map((each) => (isRecord(each) ? take(each, depth) : each))
    return isRecord(value) ? take(value, depth) : value
  }

  function refer(reference: string): string {
    const known = names.get(reference)
    if (known !== undefined) return `#/$defs/${known}`
    const name = freeName(reference)
    names.set(reference, name)
    // First the name, or a definition that refers to itself would never be done.
    taken.set(name, {})
    if (names.size <= MAX_DEFINITIONS) taken.set(name, take(lookUp(document, reference)))
    return `#/$defs/${name}`
  }

  function freeName(reference: string): string {
    const last = (reference.split('/').at(-1) ?? '').replace(/[^A-Za-z0-9_-]+/g, '_') || 'definition'
    return taken.has(last) ? `${last}_${taken.size}` : last
  }

  return { take: (schema) => take(schema), definitions: () => Object.fromEntries(taken) }
}
