// Owns who is at the other end: a person with a browser, or a program.

import type { IncomingHttpHeaders } from 'node:http'

/** Browsers name text/html when they navigate; clients and scripts do not. */
export function wantsPage({ accept = '' }: IncomingHttpHeaders): boolean {
  return accept.toLowerCase().includes('text/html')
}
