// Owns the conditions on arguments that an operator writes as JSON Schema: compiled once, and cheap whatever a client sends.

import { createRequire } from 'node:module'
import type { Condition } from '../oauth/policy.ts'

/**
 * A client chooses the arguments, so a schema must not make some of them expensive. Without references it is a finite tree;
 * `uniqueItems` compares each element with each other one. Nothing is ever fetched (MCP 2026-07-28, basic/index.mdx, "JSON
 * Schema Usage").
 */
const REFUSED: ReadonlySet<string> = new Set([
  '$ref',
  '$dynamicRef',
  '$recursiveRef',
  '$id',
  'uniqueItems',
  'unevaluatedProperties',
  'unevaluatedItems',
])
/** Members whose own members are names that the operator made up. */
const NAMED: ReadonlySet<string> = new Set(['properties', 'patternProperties', 'dependentSchemas', '$defs'])
/** Members whose value is data. */
const DATA: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples'])
const MOST_CHARACTERS = 16 * 1024
/** Of the texts that are matched with patterns, in the arguments of one call: milliseconds. */
const MOST_MATCHED = 64 * 1024

/** Loads what most installations have no use for once there is a condition. Not `import()`: configuration is read in one go. */
const require = createRequire(import.meta.url)

/** The condition, or what is wrong with the schema in words that follow "expected". */
export function readCondition(schema: unknown): Condition | string {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
    return 'a JSON Schema: an object'
  if (JSON.stringify(schema).length > MOST_CHARACTERS) return 'a JSON Schema of 16 KiB at most'
  const refused = refusedIn(schema)
  if (refused !== null) return `a JSON Schema without ${refused}, which could take too long`
  try {
    return compile(schema)
  } catch (error) {
    return `a JSON Schema (draft 2020-12); ${error instanceof Error ? error.message : 'this is none'}`
  }
}

function compile(schema: object): Condition {
  const { Ajv2020 }: typeof import('ajv/dist/2020.js') = require('ajv/dist/2020.js')
  const budget = { characters: 0 }
  const ajv = new Ajv2020({
    strict: true,
    // `{"required": ["force"]}` is a complete condition.
    strictTypes: false,
    strictRequired: false,
    validateSchema: true,
    addUsedSchema: false,
    // `constructor` is an argument when the client sent one.
    ownProperties: true,
    logger: false,
    code: { regExp: linearWithin(budget) },
  })
  const validate = ajv.compile(schema)
  return (given) => {
    budget.characters = MOST_MATCHED
    try {
      return validate(given) === true
    } catch {
      return null
    }
  }
}

/**
 * RE2's matching takes time linear in the text, and the texts of one call have a budget. What it cannot do (look-around, back
 * references) is a mistake at the start.
 */
export function linearWithin(budget: { characters: number }) {
  const { RE2JS }: typeof import('re2js') = require('re2js')
  const regExp = (pattern: string) => {
    const compiled = RE2JS.compile(pattern)
    const test = (text: string) => {
      budget.characters -= text.length
      if (budget.characters < 0) throw new Error('there is too much to match')
      return compiled.matcher(text).find()
    }
    // Ajv takes two with one text for the same expression.
    return { test, toString: () => `/${pattern}/` }
  }
  return Object.assign(regExp, { code: 'linear' })
}

function refusedIn(schema: unknown): string | null {
  if (typeof schema !== 'object' || schema === null) return null
  if (Array.isArray(schema)) return firstOf(schema.map(refusedIn))
  return firstOf(
    Object.entries(schema).map(([name, value]) => {
      if (REFUSED.has(name)) return name
      if (DATA.has(name)) return null
      return NAMED.has(name) ? firstOf(valuesOf(value).map(refusedIn)) : refusedIn(value)
    }),
  )
}

function firstOf(found: readonly (string | null)[]): string | null {
  return found.find((each) => each !== null) ?? null
}

function valuesOf(value: unknown): readonly unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : []
}
