// Owns how one argument is written: by the style that its parameter declares, and encoded.

import { writtenNumber } from '../../mcp/exact-json.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'
import type { Parameter } from './operation.ts'

/** An argument that cannot be sent. The text is for whoever called, and says what to change. */
export class ArgumentProblem extends Error {
  constructor(what: string) {
    super(what)
    this.name = 'ArgumentProblem'
  }
}

export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

/** OpenAPI 3.1 §4.8.12.3, "Style Values". */
export function queryPairs(parameter: Parameter, value: unknown): readonly string[] {
  const { name, style, explode, members } = parameter
  const pair = (key: string, each: unknown) => `${encode(key)}=${encode(plain(parameter, each))}`
  if (style === 'json') return [`${encode(name)}=${encode(JSON.stringify(value))}`]
  if (Array.isArray(value)) {
    if (explode) return value.map((each) => pair(name, each))
    const between = style === 'spaceDelimited' ? '%20' : style === 'pipeDelimited' ? '|' : ','
    return [`${encode(name)}=${value.map((each) => encode(plain(parameter, each))).join(between)}`]
  }
  if (!isObject(value)) return [pair(name, value)]
  const entries = Object.entries(value).filter(([, each]) => isGiven(each))
  if (style === 'deepObject') return entries.map(([key, each]) => pair(`${name}[${key}]`, each))
  if (!explode)
    return [
      `${encode(name)}=${entries
        .flat()
        .map((each) => encode(plain(parameter, each)))
        .join(',')}`,
    ]
  // Spread into the query, a member could pass for another parameter.
  return entries.filter(([key]) => members?.has(key)).map(([key, each]) => pair(key, each))
}

export function simple(parameter: Parameter, value: unknown): string {
  if (parameter.style === 'json') return JSON.stringify(value)
  if (Array.isArray(value)) return value.map((each) => plain(parameter, each)).join(',')
  if (!isObject(value)) return plain(parameter, value)
  const entries = Object.entries(value)
  return parameter.explode
    ? entries.map(([key, each]) => `${key}=${plain(parameter, each)}`).join(',')
    : entries.flatMap(([key, each]) => [key, plain(parameter, each)]).join(',')
}

function isObject(value: unknown): value is Members {
  return isRecord(value) && writtenNumber(value) === null
}

function plain({ argument }: Parameter, value: unknown): string {
  const number = writtenNumber(value)
  if (number !== null) return number
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value)
  if (value === null) return ''
  throw new ArgumentProblem(`The argument "${argument}" is nested too deeply.`)
}

/** RFC 3986 §2.3: everything but unreserved characters. */
export function encode(text: string): string {
  return encodeURIComponent(lossless(text)).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** Half a surrogate pair has no encoding. */
function lossless(text: string): string {
  return text.toWellFormed()
}
