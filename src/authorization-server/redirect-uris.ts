// Owns redirect URIs: which a stranger may register, and what one is called when it is shown, compared or allowed in a form.

import { isLoopbackHost } from '../oauth/loopback.ts'

/** Private-use schemes (RFC 8252 §7.1) of clients in the field that do not follow its reverse-domain rule. */
export const KNOWN_SCHEMES: readonly string[] = [
  'claude',
  'codex',
  'cursor',
  'grokbot',
  'jetbrains',
  'vscode',
  'vscode-insiders',
  'windsurf',
  'workbuddy',
  'zed',
]

const LONGEST = 2000

/** Anything a browser runs, opens, downloads or hands to the operating system instead of to the client's app. */
const DANGEROUS_SCHEME =
  /^(?:about|blob|chrome.*|content|data|edge|feed|file|filesystem|ftps?|intent|jar|javascript|mailto|moz-.*|ms-.*|microsoft-.*|res|resource|search.*|sftp|shell|sms|smb|ssh|tel|vbscript|view-source|vnd\..*|wss?|x-apple.*)$/
const REVERSE_DOMAIN = /^[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+$/
/** Every character a URI may have (RFC 3986 §2), and no other. */
const URI_CHARACTERS = /^[\w.~:/?#[\]@!$&'()*+,;=%-]+$/
const ESCAPED_CONTROL = /%(?:[01][0-9a-f]|7f)/i
const WEB_URI = /^https?:\/\/((?:[a-z0-9_-]+\.)*[a-z0-9_-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?(?=[/?]|$)([^?]*)/i
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?=\/|$)/i

/**
 * `accepted`; `unknown`: a scheme that is neither dangerous nor expected, which a client can do without; `refused`: the
 * whole registration should fail, for the reason given, since a client that sends this is broken or hostile.
 */
export type RedirectVerdict =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly reason: string }

const ACCEPTED: RedirectVerdict = { kind: 'accepted' }

/** Decides about one redirect URI. What is accepted reads the same to every parser, byte for byte. */
export function judgeRedirectUri(
  uri: unknown,
  knownSchemes: readonly string[] = KNOWN_SCHEMES,
): RedirectVerdict {
  if (typeof uri !== 'string') return refused('must be a string')
  if (uri.length > LONGEST) return refused(`must not be longer than ${LONGEST} characters`)
  if (!URI_CHARACTERS.test(uri) || ESCAPED_CONTROL.test(uri)) {
    return refused('must have only the characters of RFC 3986; write an international host as xn--')
  }
  const url = URL.parse(uri)
  if (!url) return refused('must be an absolute URI')
  // RFC 6749 §3.1.2
  if (uri.includes('#')) return refused('must not have a fragment')
  if (uri.includes('*')) return refused('must not have a wildcard; register each URI')
  if (url.username !== '' || url.password !== '') return refused('must not have a user name or a password')
  return url.protocol === 'https:' || url.protocol === 'http:'
    ? judgeWebUri(uri, url)
    : judgeApp(uri, url, knownSchemes)
}

function judgeWebUri(uri: string, url: URL): RedirectVerdict {
  const [, host, path] = WEB_URI.exec(uri) ?? []
  // Userinfo tricks, percent-escapes and numeric spellings of an address all end here.
  if (host?.toLowerCase() !== url.hostname)
    return refused('must spell its host plainly, as in https://app.example/callback')
  if (DOT_SEGMENT.test(path ?? '')) return refused('must not have dot segments')
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) {
    return refused('must use https; plain http is only for localhost, 127.0.0.1 and [::1]')
  }
  return ACCEPTED
}

function judgeApp(uri: string, url: URL, knownSchemes: readonly string[]): RedirectVerdict {
  const scheme = url.protocol.slice(0, -1)
  if (DANGEROUS_SCHEME.test(scheme))
    return refused('must not use a scheme that a browser runs or opens itself')
  if (!uri.startsWith(url.protocol)) return refused('must have its scheme in lower case')
  return knownSchemes.includes(scheme) || REVERSE_DOMAIN.test(scheme) ? ACCEPTED : { kind: 'unknown' }
}

function refused(reason: string): RedirectVerdict {
  return { kind: 'refused', reason }
}

/** Whether only a native app can receive it (RFC 8252 §7): a loopback address over http, or a scheme of its own. */
export function isNativeRedirect(uri: string): boolean {
  const url = URL.parse(uri)
  if (!url) return false
  return url.protocol === 'http:' ? isLoopbackHost(url.hostname) : url.protocol !== 'https:'
}

/** Whether the code goes to whatever listens on the person's own computer. */
export function isLoopbackRedirect(uri: string): boolean {
  const url = URL.parse(uri)
  return (
    url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && isLoopbackHost(url.hostname)
  )
}

/** What a person is shown and a consent is bound to: `app.example`, `localhost` whatever the port, `cursor:`. */
export function redirectHost(uri: string): string {
  const url = URL.parse(uri)
  if (!url) return ''
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return url.protocol
  return isLoopbackHost(url.hostname) ? url.hostname : url.host
}

/**
 * Whether an operator's list of hosts lets codes go there. `app.example` is that host on any port, `*.app.example` those
 * below it, `localhost` every loopback address, `cursor:` that scheme.
 */
export function isAllowedRedirect(uri: string, hosts: readonly string[]): boolean {
  const url = URL.parse(uri)
  if (!url) return false
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return hosts.includes(url.protocol)
  if (isLoopbackHost(url.hostname)) return hosts.includes('localhost')
  return hosts.some((host) =>
    host.startsWith('*.') ? url.hostname.endsWith(host.slice(1)) : url.hostname === host,
  )
}

/** CSP3 §2.3.1: hosts of letters, digits and hyphens. There is no way to write an IPv6 address or an underscore. */
const HOST_SOURCE = /^https?:\/\/[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d+)?$/

/** The source expression that lets a form's answer redirect there: an origin, or the scheme where no origin can be written. */
export function formActionSource(uri: string): string {
  const url = URL.parse(uri)
  if (!url) return ''
  return HOST_SOURCE.test(url.origin) ? url.origin : url.protocol
}
