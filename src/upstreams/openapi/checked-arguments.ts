// Owns the check of a call's arguments by the schema of its tool, before anything is sent: a mistake is told by its argument.

import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import { linearWithin } from '../../config/argument-schema.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'
import { isGiven } from './argument.ts'
import type { Operation } from './operation.ts'

/** What is wrong with them, for whoever called; null when nothing is, or when the schema is none that can be checked by. */
export type CheckArguments = (operation: Operation, given: Members) => string | null

type Check = (given: Members) => string | null

/** Of the texts that are matched with patterns, in the arguments of one call. */
const MOST_MATCHED = 1024 * 1024
/** Schemas that one value may have to be held against, with each reference counted as what it leads to. */
const MOST_STEPS = 20_000
const SHOWN_VALUES = 20
const UNCHECKED: Check = () => null
const DATA: ReadonlySet<string> = new Set(['enum', 'const', 'default'])

export function createArgumentCheck(): CheckArguments {
  const checks = new WeakMap<Operation, Check>()
  return (operation, given) => {
    const check = checks.get(operation) ?? compiled(operation.tool.inputSchema)
    checks.set(operation, check)
    return check(Object.fromEntries(Object.entries(given).filter(([, value]) => isGiven(value))))
  }
}

/** A document is somebody else's: an argument whose check could take long, or means nothing to us, is left to the API. */
function compiled(schema: unknown): Check {
  if (!isRecord(schema) || !isRecord(schema.properties)) return UNCHECKED
  const known = new Map<string, number>()
  const isLight = (property: unknown) => stepsIn(property, schema, known) <= MOST_STEPS
  const light = Object.entries(schema.properties).filter(([, property]) => isLight(property))
  const budget = { characters: 0 }
  const validate = tryCompile(
    { ...schema, properties: Object.fromEntries(light), additionalProperties: true },
    budget,
  )
  if (validate === null) return UNCHECKED
  return (given) => {
    budget.characters = MOST_MATCHED
    try {
      const [error] = validate(given) ? [] : (validate.errors ?? [])
      return error === undefined ? null : describe(error)
    } catch {
      return null
    }
  }
}

function tryCompile(schema: Members, budget: { characters: number }): ValidateFunction | null {
  const linear = linearWithin(budget)
  const regExp = (pattern: string) => {
    try {
      return linear(pattern)
    } catch {
      // Look-around and the like: the API looks itself.
      return { test: () => true, toString: () => pattern }
    }
  }
  const code = { regExp: Object.assign(regExp, { code: 'linear' }) }
  const ajv = new Ajv2020({
    strict: false,
    validateFormats: false,
    validateSchema: false,
    logger: false,
    code,
  })
  // It compares each element with each other one.
  ajv.removeKeyword('uniqueItems')
  try {
    return ajv.compile(lenient(schema))
  } catch {
    return null
  }
}

/**
 * OpenAPI 3.1 §4.8.24.5: what is `readOnly` is required of answers alone. And which of several schemas it is matters to who
 * reads the value: that it is one of them is enough.
 */
function lenient(schema: Members): Members {
  const { required, properties } = schema
  const written = isRecord(properties) ? properties : {}
  const isReadOnly = (name: unknown) => {
    const property = written[String(name)]
    return isRecord(property) && property.readOnly === true
  }
  const members = Object.entries(schema).map(([word, value]) => [
    word === 'oneOf' ? 'anyOf' : word,
    DATA.has(word) ? value : lenientIn(value),
  ])
  return {
    ...Object.fromEntries(members),
    ...(Array.isArray(required) && { required: required.filter((name: unknown) => !isReadOnly(name)) }),
  }
}

function lenientIn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lenientIn)
  return isRecord(value) ? lenient(value) : value
}

/** Infinite for a schema that leads to itself. */
function stepsIn(value: unknown, root: Members, known: Map<string, number>): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, each) => sum + stepsIn(each, root, known), 0)
  if (!isRecord(value)) return 0
  return Object.entries(value).reduce((sum, [word, each]) => {
    if (word === '$defs' || DATA.has(word)) return sum
    return sum + (word === '$ref' ? stepsBehind(String(each), root, known) : stepsIn(each, root, known))
  }, 1)
}

function stepsBehind(reference: string, root: Members, known: Map<string, number>): number {
  const found = known.get(reference)
  if (found !== undefined) return found
  known.set(reference, Number.POSITIVE_INFINITY)
  const definitions = isRecord(root.$defs) ? root.$defs : {}
  const steps = stepsIn(definitions[reference.slice('#/$defs/'.length)], root, known)
  known.set(reference, steps)
  return steps
}

function describe({ instancePath, keyword, params, message = 'is wrong' }: ErrorObject): string {
  const [, argument = '', ...inside] = instancePath.split('/')
  const subject = argument === '' ? 'The arguments' : `The argument "${plain(argument)}"`
  const where = inside.length === 0 ? '' : `, at /${inside.map(plain).join('/')},`
  const values: unknown = keyword === 'enum' ? params.allowedValues : null
  const shown = Array.isArray(values) ? `: ${JSON.stringify(values.slice(0, SHOWN_VALUES)).slice(1, -1)}` : ''
  return `${subject}${where} ${message}${shown}.`
}

/** RFC 6901 §4. */
function plain(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~').slice(0, 64)
}
