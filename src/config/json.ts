// Owns reading JSON with the place of a mistake, and without ever repeating the text around it, which may hold secrets.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export type JsonResult = { readonly value: Json } | { readonly mistake: string }

const DEEPEST = 32

const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const STRING = /"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy
const WORD = /true|false|null/y

/** RFC 8259, and beyond it: a name that appears twice in an object is a mistake. */
export function parseJson(text: string): JsonResult {
  const reader = createReader(text)
  try {
    const value = reader.value(0)
    reader.end()
    return { value }
  } catch (error) {
    if (error instanceof Mistake) return { mistake: `${error.message} at ${placeOf(text, error.index)}` }
    throw error
  }
}

/** Ends the reading from any depth; never leaves this file. */
class Mistake extends Error {
  readonly index: number

  constructor(message: string, index: number) {
    super(message)
    this.index = index
  }
}

function placeOf(text: string, index: number): string {
  const lines = text.slice(0, index).split('\n')
  return `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`
}

function createReader(text: string) {
  let index = 0

  /** Takes what matches at the present place, and the space after it. */
  function take(pattern: RegExp): string | undefined {
    pattern.lastIndex = index
    const found = pattern.exec(text)?.[0]
    if (found === undefined) return undefined
    index += found.length
    SPACE.lastIndex = index
    index += SPACE.exec(text)?.[0].length ?? 0
    return found
  }

  function fail(expected: string, at = index): never {
    throw new Mistake(at >= text.length ? 'JSON that ends too early' : `JSON without ${expected}`, at)
  }

  function value(depth: number): Json {
    if (depth > DEEPEST) throw new Mistake('JSON that is nested too deeply', index)
    if (index === 0) take(SPACE)
    if (take(/\{/y)) return object(depth)
    if (take(/\[/y)) return list(depth)
    return parsed(take(STRING) ?? take(NUMBER) ?? take(WORD) ?? fail('a value'))
  }

  function list(depth: number): Json {
    const elements: Json[] = []
    if (take(/\]/y)) return elements
    do elements.push(value(depth + 1))
    while (take(/,/y))
    return take(/\]/y) ? elements : fail('a comma or a closing bracket')
  }

  function object(depth: number): Json {
    const members = new Map<string, Json>()
    if (take(/\}/y)) return {}
    do member(members, depth)
    while (take(/,/y))
    return take(/\}/y) ? Object.fromEntries(members) : fail('a comma or a closing brace')
  }

  function member(members: Map<string, Json>, depth: number): void {
    const start = index
    const name = String(parsed(take(STRING) ?? fail('a name in double quotes')))
    if (members.has(name)) throw new Mistake('JSON with the same name twice', start)
    if (!take(/:/y)) fail('a colon')
    members.set(name, value(depth + 1))
  }

  function end(): void {
    if (index < text.length) fail('an end')
  }

  return { value, end }
}

/** A string, a number or a word, whose form has been checked. */
function parsed(token: string): Json {
  return JSON.parse(token)
}
