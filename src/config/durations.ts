// Owns how durations (`10m`) and sizes (`10mb`) are written.

const SECONDS = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 60 * 60],
  ['d', 24 * 60 * 60],
  ['w', 7 * 24 * 60 * 60],
])

const BYTES = new Map([
  ['b', 1],
  ['kb', 1024],
  ['mb', 1024 ** 2],
  ['gb', 1024 ** 3],
])

/** Whole seconds; undefined when the text is not a whole number followed by one of s, m, h, d, w. */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, SECONDS)
}

/** Bytes; undefined when the text is not a whole number followed by one of b, kb, mb, gb (powers of 1024). */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text, BYTES)
}

function parseQuantity(text: string, units: ReadonlyMap<string, number>): number | undefined {
  // A number without a unit is refused: seconds to one reader are milliseconds to the next.
  const { number, unit } = /^(?<number>\d{1,9})(?<unit>[a-z]+)$/i.exec(text)?.groups ?? {}
  const factor = units.get(unit?.toLowerCase() ?? '')
  return factor === undefined ? undefined : Number(number) * factor
}
