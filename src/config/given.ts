// Owns what the operator gave: the text of each of our variables, from the environment or from the file that X_FILE names.

import { readFileSync } from 'node:fs'
import { expectedInstead, memberOf } from './families.ts'
import { type Report, shown } from './problem.ts'
import { isVariable } from './schema.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface GivenText {
  /** Null: the file could not be read, which has been reported. */
  readonly text: string | null
  /** The variable it came from: `SECRET_KEY` or `SECRET_KEY_FILE`. */
  readonly from: string
}

/** By variable, without `_FILE`. A variable that is absent or blank is not in it. */
export type Given = ReadonlyMap<string, GivenText>

const FILE = '_FILE'

export function readGiven(env: Environment, report: Report): Given {
  const given = new Map<string, GivenText>()
  for (const [from, value = ''] of Object.entries(env)) {
    const variable = variableOf(from)
    if (isBlank(value)) continue
    if (variable === null) reportMisspelled(from, value, report)
    else if (given.has(variable)) reportTwice(variable, report)
    else given.set(variable, { from, text: from === variable ? value : readText(from, value, report) })
  }
  return given
}

/** Compose files pass an empty text for a variable that is not set. */
export function isBlank(value: string | undefined): boolean {
  return value === undefined || value.trim() === ''
}

/** One of our variables, or the `_FILE` form of one. */
export function isOurs(name: string): boolean {
  return variableOf(name) !== null
}

/** `PORT` for `PORT` and for `PORT_FILE`; null for what is not ours. */
function variableOf(name: string): string | null {
  if (isDefined(name)) return name
  const base = name.endsWith(FILE) ? name.slice(0, -FILE.length) : ''
  return isDefined(base) ? base : null
}

function isDefined(name: string): boolean {
  return isVariable(name) || memberOf(name) !== null
}

function reportTwice(variable: string, report: Report): void {
  report({ variable, expected: `either ${variable} or ${variable}${FILE}`, got: 'both' })
}

function reportMisspelled(variable: string, value: string, report: Report): void {
  const expected = expectedInstead(variable, value)
  if (expected !== null) report({ variable, expected, got: 'a name that Gatehouse does not know' })
}

const MOST_BYTES = 1024 * 1024

/** The content without the newline that editors put at the end. Null when there is a problem, which is reported. */
export function readText(variable: string, path: string, report: Report): string | null {
  const problem = (got: string) =>
    report({ variable, expected: 'the path of a readable text file', got: `${shown(path)}, ${got}` })
  try {
    const text = readFileSync(path, 'utf8')
      .replace(/^\uFEFF/, '')
      .replace(/[\r\n]+$/, '')
    if (text.length <= MOST_BYTES && !isBlank(text)) return text
    problem(isBlank(text) ? 'which is empty' : 'which is larger than 1 MiB')
  } catch (error) {
    problem(reasonOf(error))
  }
  return null
}

const REASONS = new Map([
  ['ENOENT', 'which does not exist'],
  ['EACCES', 'which this process may not read'],
  ['EISDIR', 'which is a directory'],
])

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  return REASONS.get(code) ?? `which cannot be read (${code})`
}
