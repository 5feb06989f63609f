// Owns an OpenAPI document: read as JSON or YAML, found valid, and brought to version 3.1, whose schemas are JSON Schema.

import { isRecord, type Members } from '../../mcp/rpc.ts'
import { DocumentProblem, notUnderstood } from './problem.ts'

/** YAML can say a lot with few words: this is how often one thing may be said again. */
const MAX_ALIASES = 100
const SHOWN_PROBLEMS = 3

/** A valid document of version 3.1 in which every reference leads to a place inside of it. Rejects with a `DocumentProblem`. */
export async function readDocument(text: string): Promise<Members> {
  const document = await parse(text)
  await validate(structuredClone(document))
  const upgraded = await upgradedFrom(document).catch((cause: unknown) => {
    throw notUnderstood(cause)
  })
  if (!isRecord(upgraded)) throw new DocumentProblem('The document cannot be brought to OpenAPI 3.1.')
  return upgraded
}

async function upgradedFrom(document: Members): Promise<unknown> {
  // On demand: few have such an upstream.
  const { upgrade } = await import('@scalar/openapi-upgrader')
  return upgrade({ ...document }, '3.1')
}

async function parse(text: string): Promise<Members> {
  const value: unknown = /^\s*\{/.test(text) ? parseJson(text) : await parseYaml(text)
  if (!isRecord(value)) throw new DocumentProblem('The document is not an object.')
  return value
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new DocumentProblem('The document is not JSON.', { cause, ...placeIn(cause) })
  }
}

async function parseYaml(text: string): Promise<unknown> {
  const { parse: parseText } = await import('yaml')
  try {
    const value: unknown = parseText(text, { maxAliasCount: MAX_ALIASES, logLevel: 'error' })
    // What YAML shares by an alias becomes as many things as it is said to be, and none contains itself.
    return JSON.parse(JSON.stringify(value ?? null))
  } catch (cause) {
    throw new DocumentProblem('The document is neither JSON nor YAML.', { cause, ...placeIn(cause) })
  }
}

/** An object is given, never a text, which would be taken for the name of a file. */
async function validate(document: Members): Promise<void> {
  const { Validator } = await import('@seriousme/openapi-schema-validator')
  const { valid, errors } = await new Validator().validate({ ...document }).catch((cause: unknown) => {
    throw notUnderstood(cause)
  })
  if (valid) return
  const found =
    typeof errors === 'string'
      ? [{ instancePath: '', message: errors.replace(/\.$/, '') }]
      : (errors ?? []).slice(0, SHOWN_PROBLEMS)
  const problems = found.map(({ instancePath, message }) => `${instancePath || '/'} ${message ?? 'is wrong'}`)
  throw new DocumentProblem(`The document is not valid OpenAPI: ${problems.join('; ')}.`, {
    part: [...new Set(found.map(({ instancePath }) => instancePath || '/'))].join(', '),
  })
}

/** Of a parser's words only the place: the others repeat what is there. */
function placeIn(error: unknown): { readonly part?: string } {
  const place = error instanceof Error ? /line (\d+),? column (\d+)/.exec(error.message) : null
  return place === null ? {} : { part: `line ${place[1]}, column ${place[2]}` }
}
