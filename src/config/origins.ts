// Owns how origins are written: ours, and those of browser apps that may call us (RFC 6454 §6).

import { isLoopbackHost } from '../oauth/loopback.ts'

const HTTP_ORIGIN = /^https?:\/\/[^/\\?#@\s]+\/?$/i
const APP_ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9._-]+$/i
const HOST = /^(?:[a-z0-9_](?:[a-z0-9._-]*)|\[[0-9a-f:.]+\])$/

/** Scheme and host in lower case, no default port, no trailing slash; undefined for anything that is more than an origin. */
export function parseHttpOrigin(text: string): string | undefined {
  if (!HTTP_ORIGIN.test(text)) return undefined
  const url = URL.parse(text)
  return url !== null && HOST.test(url.hostname) ? url.origin : undefined
}

/** An origin as a browser sends it. Extensions and desktop apps have schemes of their own: `vscode-webview://…`. */
export function parseBrowserOrigin(text: string): string | undefined {
  if (/^https?:/i.test(text)) return parseHttpOrigin(text)
  return APP_ORIGIN.test(text) ? text.toLowerCase() : undefined
}

/** OAuth 2.1 §1.5: plain http only where nothing leaves the machine. */
export function isInsecure(origin: string): boolean {
  const url = URL.parse(origin)
  return url?.protocol === 'http:' && !isLoopbackHost(url.hostname)
}
