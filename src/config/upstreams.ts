// Owns the upstreams of the configuration: gathered from JSON and from UPSTREAM_<NAME>_… variables, each name once.

import { entryName, memberOf } from './families.ts'
import type { Given, GivenText } from './given.ts'
import { parseJson } from './json.ts'
import type { Place } from './place.ts'
import { kindOf, type Report } from './problem.ts'
import { nameProblem, readEntry, type UpstreamConfig } from './upstream-entry.ts'
import type { References } from './upstream-references.ts'

/** One entry as it was found, not yet looked into. */
interface Found {
  readonly name: string
  readonly raw: unknown
  readonly place: Place
}

/** Every upstream that is in order; every problem is reported. Nothing given at all is the empty list: the demo upstream. */
export function readUpstreams(
  given: Given,
  references: References,
  report: Report,
): readonly UpstreamConfig[] {
  const found = [...fromDocument(given.get('UPSTREAMS'), report), ...fromVariables(given, report)]
  return withoutDuplicates(found, report).flatMap(({ name, raw, place }) => {
    const expected = nameProblem(name)
    if (expected !== null) report({ ...place([]), expected, got: JSON.stringify(name) })
    return readEntry(name, raw, place, references, report) ?? []
  })
}

function withoutDuplicates(found: readonly Found[], report: Report): readonly Found[] {
  const first = new Map<string, Found>()
  for (const entry of found) {
    const other = first.get(entry.name)
    if (other === undefined) first.set(entry.name, entry)
    else {
      const got = `${JSON.stringify(entry.name)}, which ${other.place([]).variable} has too`
      report({ ...entry.place([]), expected: 'a name that no other upstream has', got })
    }
  }
  return [...first.values()]
}

const FORM = 'JSON such as {"mcpServers": {"notes": {"url": "http://notes:3000/mcp"}}}'

function fromDocument(given: GivenText | undefined, report: Report): readonly Found[] {
  if (given === undefined || given.text === null) return []
  const { from: variable } = given
  const result = parseJson(given.text)
  if ('mistake' in result) {
    report({ variable, expected: FORM, got: result.mistake })
    return []
  }
  const servers = serversOf(result.value)
  if (servers === null) {
    report({ variable, expected: FORM, got: kindOf(result.value) })
    return []
  }
  const entries = Object.entries(servers).filter(([name, raw]) => !name.startsWith('_') && !isDisabled(raw))
  if (entries.length === 0) {
    report({
      variable,
      expected: 'one upstream or more; without the variable there is the demo upstream',
      got: 'none',
    })
  }
  return entries.map(([name, raw]) => ({ name, raw, place: placeInDocument(variable, name) }))
}

/** The outer key may be left out. */
function serversOf(document: unknown): object | null {
  if (!isObject(document)) return null
  const servers = 'mcpServers' in document ? document.mcpServers : document
  return isObject(servers) ? servers : null
}

/** Clients of the ecosystem switch an entry off this way; to serve it all the same would be a surprise. */
function isDisabled(raw: unknown): boolean {
  return isObject(raw) && 'disabled' in raw && raw.disabled === true
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function placeInDocument(variable: string, name: string): Place {
  return (path) => ({ variable, at: [name, ...path].join('.') })
}

function fromVariables(given: Given, report: Report): readonly Found[] {
  return [...groupByEntry(given)].flatMap(([entry, fields]) => {
    if ([...fields.values()].some(({ text }) => text === null)) return []
    const place = placeInVariables(entry, fields)
    const json = (field: string, example: string) => readJsonField(fields.get(field), example, report)
    const raw = {
      url: textOf(fields, 'URL'),
      urls: json('URLS', '["http://notes-1:3000/mcp", "http://notes-2:3000/mcp"]'),
      type: textOf(fields, 'TYPE'),
      command: textOf(fields, 'COMMAND'),
      args: json('ARGS', '["-y", "a-server"]'),
      env: json('ENV', '{"API_KEY": "…"}'),
      cwd: textOf(fields, 'CWD'),
      shared: json('SHARED', 'true'),
      openapi: textOf(fields, 'OPENAPI'),
      operations: json('OPERATIONS', '["GET /pets/*"]'),
      writes: json('WRITES', 'true'),
      title: textOf(fields, 'TITLE'),
      description: textOf(fields, 'DESCRIPTION'),
      headers: json('HEADERS', '{"Authorization": "Bearer …"}'),
      scopes: json('SCOPES', '{"issues": ["create_issue"]}'),
      limits: json('LIMITS', '{"calls": 20}'),
      holdNewTools: json('HOLD_NEW_TOOLS', 'true'),
      auth: json('AUTH', '{"type": "oauth2"}'),
    }
    return [{ name: entryName(entry), raw, place }]
  })
}

type Fields = ReadonlyMap<string, GivenText>

function groupByEntry(given: Given): ReadonlyMap<string, Fields> {
  const entries = new Map<string, Map<string, GivenText>>()
  for (const [variable, text] of given) {
    const member = memberOf(variable)
    if (member?.family !== 'UPSTREAM') continue
    const fields = entries.get(member.entry) ?? new Map<string, GivenText>()
    entries.set(member.entry, fields.set(member.field, text))
  }
  return entries
}

function textOf(fields: Fields, field: string): string | undefined {
  return fields.get(field)?.text ?? undefined
}

/** Undefined when absent, and after a mistake, which is reported. */
function readJsonField(given: GivenText | undefined, example: string, report: Report): unknown {
  if (given === undefined || given.text === null) return undefined
  const result = parseJson(given.text)
  if ('value' in result) return result.value
  report({
    variable: given.from,
    expected: `JSON such as ${example}`,
    got: result.mistake,
  })
  return undefined
}

/** What an entry is named after where it is blamed as a whole. */
const FOREMOST = ['URL', 'URLS', 'COMMAND', 'OPENAPI'] as const

/** `UPSTREAM_NOTES_URL` for the path `url`, and for the entry as a whole. */
function placeInVariables(entry: string, fields: Fields): Place {
  const foremost = FOREMOST.find((field) => fields.has(field)) ?? 'URL'
  return ([member = foremost, ...rest]) => {
    const field = member === foremost ? member : member.replace(/[A-Z]/g, '_$&').toUpperCase()
    const variable = fields.get(field)?.from ?? `UPSTREAM_${entry}_${field}`
    return rest.length === 0 ? { variable } : { variable, at: rest.join('.') }
  }
}
