// Owns made-up messages for tests: all that JSON allows, in many spellings, and the same with a byte or two that spoil it.

/** The same numbers for the same seed: below `limit`, and whole. */
export type Draw = (limit: number) => number

/** "mulberry32", which is in the public domain. */
export function drawing(seed: number): Draw {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}

const PLAIN = ['x', 'a b', '漢字', 'é', '😀', '[{', '}]', ',', ':', '\u007f']
const ESCAPED = ['\\"', '\\\\', '\\/', '\\n', '\\u0041', '\\ud83d\\ude00', '\\ud800', '\\u0000', '\\uFfEe']
const NUMBERS = ['0', '-0', '7', '-12.50', '1e9', '2E-3', '0.1e+7', '12345678901234567890', '1e400']
const SPACES = ['', '', '', ' ', '\n', '\t \r\n']
const NAMES = ['name', 'uri', 'arguments', '_meta', 'other', '__proto__', 'n\\u0061me', 'NAME', '', 'é']
const MESSAGE_NAMES = ['id', 'params', 'result', 'error', 'vendor', 'p\\u0061rams', 'Params', '__proto__']
/** Where a mistake matters most. */
const SPOILERS = [...'"\\{}[],:0-.eut \n', '\u0000', '\u001f', '\u00ff']

/** Of a message with something long in it. */
export function randomMessage(draw: Draw): string {
  const members = [pair('"jsonrpc"', '"2.0"', draw), pair('"method"', '"tools/call"', draw)]
  if (draw(10) > 0) members.push(pair('"id"', pick(['1', '"a"', '-7', '1.5', 'null'], draw), draw))
  if (draw(10) > 0) members.push(pair('"params"', randomParams(draw), draw))
  for (let more = draw(8) - 5; more > 0; more--)
    members.push(pair(`"${pick(MESSAGE_NAMES, draw)}"`, draw(2) ? randomParams(draw) : value(3, draw), draw))
  return spaced(`{${spaced(shuffled(members, draw).join(','), draw)}}`, draw)
}

/** With bytes changed, left out or put in; it may still be JSON. */
export function spoiled(text: string, draw: Draw): Buffer {
  let bytes = Buffer.from(text)
  for (let times = 1 + draw(2); times > 0; times--) {
    const at = draw(bytes.length)
    const put = draw(3) === 0 ? '' : pick(SPOILERS, draw)
    bytes = Buffer.concat([
      bytes.subarray(0, at),
      Buffer.from(put, 'latin1'),
      bytes.subarray(at + (draw(2) ? 1 : 0)),
    ])
  }
  return draw(10) === 0 ? bytes.subarray(0, draw(bytes.length)) : bytes
}

function randomParams(draw: Draw): string {
  const members = [pair('"arguments"', longValue(draw), draw)]
  for (let more = draw(4); more > 0; more--)
    members.push(pair(`"${pick(NAMES, draw)}"`, draw(4) ? value(3, draw) : longValue(draw), draw))
  return `{${spaced(shuffled(members, draw).join(','), draw)}}`
}

function longValue(draw: Draw): string {
  const long = `"${textOf(900 + draw(900), draw)}"`
  return pick(
    [long, `{${pair('"text"', long, draw)}}`, `[${value(4, draw)},${long}]`, nested(draw, long)],
    draw,
  )
}

/** Around the hundred levels that there may be. */
function nested(draw: Draw, inside: string): string {
  const levels = draw(8) === 0 ? 95 + draw(6) : draw(5)
  return '['.repeat(levels) + inside + ']'.repeat(levels)
}

function value(depth: number, draw: Draw): string {
  switch (depth === 0 ? 2 + draw(3) : draw(5)) {
    case 0:
      return `[${spaced(
        list(() => value(depth - 1, draw), draw),
        draw,
      )}]`
    case 1:
      return `{${spaced(
        list(() => pair(`"${textOf(draw(3), draw)}"`, value(depth - 1, draw), draw), draw),
        draw,
      )}}`
    case 2:
      return `"${textOf(draw(9), draw)}"`
    case 3:
      return pick(NUMBERS, draw)
    default:
      return pick(['true', 'false', 'null'], draw)
  }
}

function list(make: () => string, draw: Draw): string {
  return Array.from({ length: draw(4) }, () => spaced(make(), draw)).join(',')
}

function pair(name: string, of: string, draw: Draw): string {
  return `${spaced(name, draw)}:${spaced(of, draw)}`
}

function textOf(pieces: number, draw: Draw): string {
  const rarely = 1 + draw(200)
  return Array.from({ length: pieces }, () => pick(draw(rarely) === 0 ? ESCAPED : PLAIN, draw)).join('')
}

function spaced(text: string, draw: Draw): string {
  return pick(SPACES, draw) + text + pick(SPACES, draw)
}

function shuffled(items: readonly string[], draw: Draw): readonly string[] {
  return items
    .map((item) => ({ item, order: draw(1000) }))
    .sort((one, other) => one.order - other.order)
    .map(({ item }) => item)
}

function pick<Item>(items: readonly Item[], draw: Draw): Item {
  const [first] = items
  const item = items[draw(items.length)] ?? first
  if (item === undefined) throw new Error('There is nothing to pick from.')
  return item
}
