// Owns the subscriptions to resources in one legacy session: one at the upstream, however many ask for it here.

import type { Members } from '../../mcp/rpc.ts'
import { SessionLost } from './channel.ts'
import type { Answer } from './message.ts'

export interface Subscriptions {
  /** Whether the upstream agreed. Rejects when it does not know the session any more. */
  add(uri: string): Promise<boolean>
  /** Once for each `add`. */
  remove(uri: string): void
}

interface Subscription {
  readonly agreed: Promise<boolean>
  count: number
}

export function createSubscriptions(
  ask: (method: string, params: Members) => Promise<Answer>,
): Subscriptions {
  const open = new Map<string, Subscription>()

  async function subscribe(uri: string): Promise<boolean> {
    try {
      return (await ask('resources/subscribe', { uri })).kind === 'result'
    } catch (error) {
      if (error instanceof SessionLost) throw error
      return false
    }
  }

  return {
    add(uri) {
      const known = open.get(uri)
      if (known !== undefined) {
        known.count++
        return known.agreed
      }
      const agreed = subscribe(uri)
      open.set(uri, { agreed, count: 1 })
      return agreed
    },
    remove(uri) {
      const known = open.get(uri)
      if (known === undefined || --known.count > 0) return
      open.delete(uri)
      ask('resources/unsubscribe', { uri }).catch(() => undefined)
    },
  }
}
