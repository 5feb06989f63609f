// Owns which call a message of the upstream belongs to.

import { isRpcId, type RpcId } from '../../mcp/rpc.ts'
import type { OpenCall } from './upstream-call.ts'

export interface Owners {
  add(id: number, call: OpenCall): void
  remove(id: number): void
  count(): number
  /** The call that a message belongs to by the stream on which it came; or where that says nothing, see below. */
  of(during: RpcId | null): OpenCall | null
  /** The same for a question: of the calls during which one can be asked. */
  ofQuestion(during: RpcId | null): OpenCall | null
  byToken(progressToken: unknown): OpenCall | null
  /** The upstream takes back what it asked, whichever call that was in. */
  unask(id: unknown): void
}

/**
 * Not every server, and not every transport, says for which call a message is. All calls of a session are of one person and
 * client, so a guess gives nothing away: the oldest call that is waited for.
 */
export function createOwners(): Owners {
  const calls = new Map<RpcId, OpenCall>()

  function find(during: RpcId | null, suits: (call: OpenCall) => boolean): OpenCall | null {
    if (during !== null) return calls.get(during) ?? null
    const suitable = [...calls.values()].filter(suits)
    return suitable.find((call) => call.isWaited()) ?? suitable[0] ?? null
  }

  return {
    add: (id, call) => void calls.set(id, call),
    remove: (id) => void calls.delete(id),
    count: () => calls.size,
    of: (during) => find(during, () => true),
    ofQuestion: (during) => find(during, (call) => call.mayAsk),
    byToken: (token) => (isRpcId(token) ? (calls.get(token) ?? null) : null),
    unask(id) {
      if (isRpcId(id)) for (const call of calls.values()) if (call.unask(id)) return
    },
  }
}
