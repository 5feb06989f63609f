// Owns the plain spelling of a URI: that of whoever takes it apart before using it, so that rules meet what is meant. Pure.

const DOT_SEGMENT = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\?#]|%2f|%5c|$)/i
/** RFC 3986 §2: no URI has one. Parsers of URLs drop some of them, so `.\t.` is a dot segment to these. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const NO_URI = /[\x00-\x1f\x7f]|^ | $/
const ESCAPES = /(?:%[0-9a-f]{2})+/gi
/** In a pattern it would stand for any characters. */
const ASTERISK = /%2a/gi

/**
 * Whether readers could take it for different resources: `file:///public/../secret` is in `file:///public/*` as a text, and
 * elsewhere for whoever resolves it (RFC 3986 §5.2.4).
 */
export function isAmbiguousUri(uri: string): boolean {
  return NO_URI.test(uri) || DOT_SEGMENT.test(uri) || DOT_SEGMENT.test(unescaped(uri))
}

/**
 * RFC 3986 §6.2: scheme and host in lower case, no port that goes without saying, no dot segments and no fragment, nothing
 * escaped. Of a file (RFC 8089) only its path. What is no URL, such as a pattern, is unescaped alone.
 */
export function plainUri(text: string): string {
  const url = URL.parse(text)
  if (url === null) return unescaped(text)
  url.hash = ''
  return unescaped(url.protocol === 'file:' ? pathOfFile(url) : url.href)
}

/** The spellings of a pattern that are compared with a plain URI: `https://*` as a URL has a path, and as a text has none. */
export function plainPatterns(pattern: string): readonly string[] {
  return [...new Set([unescaped(pattern), plainUri(pattern)])]
}

function pathOfFile({ pathname }: URL): string {
  return `file://${pathname.replace(/\/{2,}/g, '/')}`
}

function unescaped(text: string): string {
  return text
    .replace(ASTERISK, '%252a')
    .replace(ESCAPES, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'))
}
