// Owns the requests of one session that wait for their answer, each under an id that is used once.

import { PeerFailure } from '../../mcp/peer.ts'
import type { Members, RpcId } from '../../mcp/rpc.ts'
import type { Channel } from './channel.ts'
import type { Answer } from './message.ts'

export interface Requests {
  nextId(): number
  /**
   * Sends it. `settle` is called once: with the answer, with a `SessionLost` when it was refused for want of the session, or
   * with a `PeerFailure`. It may be called before or after the upstream has taken the request.
   */
  send(id: number, sent: Sendable, settle: (end: Answer | Error) => void): void
  /** A request of our own. Rejects with what `settle` would be told, or when the answer is late. */
  ask(method: string, params: Members): Promise<Answer>
  settle(id: RpcId, end: Answer | Error): void
  /** What is not waited for any more. */
  drop(id: number): void
  failAll(failure: PeerFailure): void
}

export interface Sendable {
  readonly method: string
  readonly params: Members
  readonly trace: Readonly<Record<string, string>>
}

const ASK_MS = 30_000

export function createRequests(channel: Pick<Channel, 'send' | 'forget'>): Requests {
  const waiting = new Map<RpcId, (end: Answer | Error) => void>()
  let lastId = 0

  function settle(id: RpcId, end: Answer | Error): void {
    const tell = waiting.get(id)
    waiting.delete(id)
    tell?.(end)
  }

  function send(id: number, { method, params, trace }: Sendable, tell: (end: Answer | Error) => void): void {
    waiting.set(id, tell)
    const sending = channel.send({ jsonrpc: '2.0', id, method, params }, trace)
    sending.catch((error: unknown) => settle(id, asError(error)))
  }

  return {
    nextId: () => ++lastId,
    send,
    async ask(method, params) {
      const { promise, resolve } = Promise.withResolvers<Answer | Error>()
      const id = ++lastId
      const late = setTimeout(() => resolve(new PeerFailure('timed_out')), ASK_MS)
      send(id, { method, params, trace: {} }, resolve)
      const end = await promise
      clearTimeout(late)
      if (waiting.delete(id)) channel.forget(id)
      if (end instanceof Error) throw end
      return end
    },
    settle,
    drop: (id) => void waiting.delete(id),
    failAll(failure) {
      for (const id of [...waiting.keys()]) settle(id, failure)
    },
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new PeerFailure('unreachable', { cause: error })
}
