// Owns reading JSON that is written again: numbers stay as they were spelled, also those that are none of JavaScript's.

interface Context {
  /** What a number, text or word was written as. */
  readonly source?: string
}

/** ECMAScript's JSON.rawJSON, which the types do not have yet. */
const rawJson: (source: string) => unknown = Reflect.get(JSON, 'rawJSON')

/** As `JSON.parse`; but 9223372036854775807 is still that in what `JSON.stringify` makes of it, and `1.0` is not `1`. */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, (_name: string, value: unknown, context?: Context) => {
    const source = context?.source
    return typeof value === 'number' && source !== undefined && source !== String(value)
      ? rawJson(source)
      : value
  })
}
