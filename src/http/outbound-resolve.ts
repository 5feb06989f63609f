// Owns name resolution for requests on a stranger's word.

import { Resolver } from 'node:dns/promises'

/** All addresses of a name, or none. */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>

const TRY_MS = 1000
const TRIES = 2

/**
 * Asks DNS and nothing else: not the hosts file, no search domains. Not through the operating system's resolver either,
 * whose calls cannot be given up and would let stalled names block the threads that hash passwords. `servers`: instead
 * of those the machine is configured with.
 */
export function createResolve(servers?: readonly string[]): Resolve {
  return async (hostname, signal) => {
    signal.throwIfAborted()
    const resolver = new Resolver({ timeout: TRY_MS, tries: TRIES })
    if (servers) resolver.setServers(servers)
    const giveUp = () => resolver.cancel()
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      // IPv4 first: hosts without an IPv6 route are more common than names without an IPv4 address.
      const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
      signal.throwIfAborted()
      return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }
}
