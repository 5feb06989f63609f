// Owns reading JSON that is written again: numbers stay as they were spelled, also those that are none of JavaScript's.

interface Context {
  /** What a number, text or word was written as. */
  readonly source?: string
}

/** ECMAScript's JSON.rawJSON and its twin, which the types do not have yet. */
const rawJson: (source: string) => unknown = Reflect.get(JSON, 'rawJSON')
const isRawJson: (value: unknown) => boolean = Reflect.get(JSON, 'isRawJSON')

/** A number of fewer characters loses nothing. */
const LONG_NUMBER = /[\d.]{16}/

/** As `JSON.parse`; but 9223372036854775807 is still that in what `JSON.stringify` makes of it, and `1.0` is not `1`. */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, (_name: string, value: unknown, context?: Context) => {
    const source = context?.source
    return typeof value === 'number' && source !== undefined && source !== String(value)
      ? rawJson(source)
      : value
  })
}

/**
 * As `JSON.parse`, but a number with more digits than JavaScript's have is still that in what `JSON.stringify` makes of it: in
 * between an object that nobody may take apart, see `writtenNumber`. All others are numbers.
 */
export function parseUnrounded(text: string): unknown {
  if (!hasLongNumber(text)) return JSON.parse(text)
  return JSON.parse(text, (_name: string, value: unknown, context?: Context) => {
    const source = context?.source
    return typeof value === 'number' && source !== undefined && digitsOf(source) !== digitsOf(String(value))
      ? rawJson(source)
      : value
  })
}

/** Deeper than anything that somebody means: a schema, a tree of a document. */
const MOST_LEVELS = 500

/**
 * As `parseUnrounded`, for what an upstream says. `JSON.parse` takes a text of any depth; `JSON.stringify` and whoever else goes
 * down into what comes of it ends on the stack, in places where nobody expects that. Throws a RangeError for such a text.
 */
export function parseShallow(text: string): unknown {
  const value = parseUnrounded(text)
  if (!isWithin(value, MOST_LEVELS)) throw new RangeError(`This JSON has more than ${MOST_LEVELS} levels.`)
  return value
}

function isWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  const members: readonly unknown[] = Array.isArray(value) ? value : Object.values(value)
  return levels > 0 && members.every((each) => isWithin(each, levels - 1))
}

/** Whether there may be a number in it that `JSON.parse` would round. */
export function hasLongNumber(text: string): boolean {
  return LONG_NUMBER.test(text)
}

/** What a number that was not rounded was written as; null for everything else. */
export function writtenNumber(value: unknown): string | null {
  return isRawJson(value) ? JSON.stringify(value) : null
}

/** The same with JavaScript's numbers alone, for who compares them. */
export function rounded(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}

/** Those that matter, wherever the point is. */
function digitsOf(number: string): string {
  return number
    .replace(/^-|[eE].*$/g, '')
    .replace('.', '')
    .replace(/^0+|0+$/g, '')
}
