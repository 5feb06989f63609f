// Owns which items of a list clients can read: they refuse a list whole for one item that is not as its schema says, and so
// one upstream would take all others from them. Pure.

import { isRecord, type Members } from '../../mcp/rpc.ts'

type Check = (value: unknown) => boolean
type Checks = readonly (readonly [member: string, is: Check])[]

/** What an item has to have, and how the rest must be where it is there (MCP 2026-07-28, schema). */
export interface Shape {
  readonly needed: Checks
  readonly optional: Checks
}

/** As the SDKs read it: RFC 3339 §5.6. */
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/

const isText: Check = (value) => typeof value === 'string'
const isFlag: Check = (value) => typeof value === 'boolean'
const isNumber: Check = (value) => typeof value === 'number'
const isMoment: Check = (value) => typeof value === 'string' && MOMENT.test(value)
const isOneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value)
const isListOf =
  (is: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(is)
const isA =
  (shape: Shape): Check =>
  (value) =>
    isRecord(value) && fits(value, shape.needed) && wrongIn(value, shape.optional).length === 0

const isSubschema: Check = (value) => isFlag(value) || isRecord(value)
const isSubschemas: Check = (value) => isRecord(value) && Object.values(value).every(isSubschema)
const SCHEMA: Checks = [
  ['properties', isSubschemas],
  ['required', isListOf(isText)],
]
const isSchema = isA({ needed: [], optional: SCHEMA })
const isObjectSchema = isA({ needed: [['type', isOneOf('object')]], optional: SCHEMA })

const isIcon = isA({
  needed: [['src', isText]],
  optional: [
    ['mimeType', isText],
    ['sizes', isListOf(isText)],
    ['theme', isOneOf('light', 'dark')],
  ],
})
const isHints = isA({
  needed: [],
  optional: [
    ['title', isText],
    ['readOnlyHint', isFlag],
    ['destructiveHint', isFlag],
    ['idempotentHint', isFlag],
    ['openWorldHint', isFlag],
  ],
})
/** Of 2025-11-25. */
const isExecution = isA({
  needed: [],
  optional: [['taskSupport', isOneOf('required', 'optional', 'forbidden')]],
})
const isAnnotations = isA({
  needed: [],
  optional: [
    ['audience', isListOf(isOneOf('user', 'assistant'))],
    ['priority', isNumber],
    ['lastModified', isMoment],
  ],
})
const isArgument = isA({
  needed: [['name', isText]],
  optional: [
    ['title', isText],
    ['description', isText],
    ['required', isFlag],
  ],
})

const COMMON: Checks = [
  ['title', isText],
  ['description', isText],
  ['icons', isListOf(isIcon)],
  ['_meta', isRecord],
]
const OF_A_RESOURCE: Checks = [...COMMON, ['mimeType', isText], ['annotations', isAnnotations]]

export const TOOL: Shape = {
  needed: [
    ['name', isText],
    ['inputSchema', isObjectSchema],
  ],
  optional: [...COMMON, ['outputSchema', isSchema], ['annotations', isHints], ['execution', isExecution]],
}
export const PROMPT: Shape = {
  needed: [['name', isText]],
  optional: [...COMMON, ['arguments', isListOf(isArgument)]],
}
export const RESOURCE: Shape = {
  needed: [
    ['uri', isText],
    ['name', isText],
  ],
  optional: [...OF_A_RESOURCE, ['size', isNumber]],
}
export const TEMPLATE: Shape = {
  needed: [
    ['uriTemplate', isText],
    ['name', isText],
  ],
  optional: OF_A_RESOURCE,
}

/** The item without what is wrong about it; null where that is something it needs. */
export function readable(item: Members, { needed, optional }: Shape): Members | null {
  if (!fits(item, needed)) return null
  const wrong = wrongIn(item, optional)
  if (wrong.length === 0) return item
  return Object.fromEntries(Object.entries(item).filter(([member]) => !wrong.includes(member)))
}

function fits(item: Members, needed: Checks): boolean {
  return needed.every(([member, is]) => is(item[member]))
}

function wrongIn(item: Members, optional: Checks): readonly string[] {
  return optional.flatMap(([member, is]) => (item[member] === undefined || is(item[member]) ? [] : [member]))
}
