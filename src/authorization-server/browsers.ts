// Owns which browser a request comes from, as far as a person can recognise it later.

import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage } from 'node:http'

export interface Browser {
  readonly ip: string
  readonly userAgent: string
}

const LONGEST_USER_AGENT = 300

const asking = new AsyncLocalStorage<Browser>()

/** What `fn` saves was last used by the browser that sent `request`. */
export function inBrowser<T>({ headers }: Pick<IncomingMessage, 'headers'>, ip: string, fn: () => T): T {
  const userAgent = (headers['user-agent'] ?? '').slice(0, LONGEST_USER_AGENT)
  return asking.run({ ip, userAgent }, fn)
}

export function currentBrowser(): Browser | null {
  return asking.getStore() ?? null
}
