// Owns how parts of a message are mirrored in HTTP headers (MCP 2026-07-28, Streamable HTTP, "Request Metadata").

const SENTINEL = /^=\?base64\?(.*)\?=$/s
/** "Value Encoding": visible ASCII, and spaces or tabs inside. */
const PLAIN = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/

export const PARAMETER_PREFIX = 'mcp-param-'

/** What `Mcp-Name` mirrors: by method, the member of the params. */
export const NAME_SOURCES: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
])

/** "Value Encoding": the value itself, or `=?base64?…?=` around its UTF-8 in Base64. Null when that is not what is inside. */
export function decodeMirrored(header: string): string | null {
  const encoded = SENTINEL.exec(header)?.[1]
  if (encoded === undefined) return header
  const bytes = Buffer.from(encoded, 'base64')
  const text = bytes.toString('utf8')
  // Both round trips, because neither decoder complains: it drops or replaces what it cannot read.
  const intact = bytes.toString('base64') === encoded && Buffer.from(text, 'utf8').equals(bytes)
  return intact ? text : null
}

/** The other way round: what is no plain header value, or looks like the sentinel itself, is wrapped. */
export function encodeMirrored(value: string): string {
  if (PLAIN.test(value) && !SENTINEL.test(value)) return value
  return `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`
}
