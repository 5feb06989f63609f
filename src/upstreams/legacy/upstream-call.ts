// Owns one request under way at a legacy upstream: what comes of it, and what the upstream asks while it works on it.

import { isWanted } from '../../mcp/log-level.ts'
import { PeerFailure, type PeerHooks } from '../../mcp/peer.ts'
import {
  INTERNAL_ERROR,
  isRecord,
  METHOD_NOT_FOUND,
  type Members,
  type RpcError,
  type RpcId,
} from '../../mcp/rpc.ts'
import { type InputRequest, inputRequest, isInputRequest, mayAsk } from './input.ts'
import type { Answer } from './message.ts'

/** Who waits for the call now, and what it wants to hear meanwhile. */
export interface Ears extends PeerHooks {
  readonly logLevel: string | null
  /** The client's own. */
  readonly progressToken: unknown
}

export type Step =
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** The upstream waits for these; each under a key that is used once in this call. */
  | { readonly kind: 'asks'; readonly asks: Readonly<Record<string, InputRequest>> }

export interface UpstreamCall {
  /** Of who answers. */
  readonly serverInfo: Members | null
  /**
   * The next step. Rejects with a `PeerFailure`, a `SessionLost`, or the signal's reason: then the upstream has been told that the answer is
   * not wanted any more. One waits at a time; while nobody does, what the upstream says meanwhile is not kept, but the answer.
   */
  wait(ears: Ears): Promise<Step>
  /** Gives the upstream what it asked for. Unknown keys are ignored. Rejects when it did not take it. */
  respond(responses: Members): Promise<void>
  isWaited(): boolean
  /** The upstream is told that nobody wants the answer any more. */
  cancel(): void
}

/** The side of the call that the session sees. */
export interface OpenCall extends UpstreamCall {
  readonly mayAsk: boolean
  /** Nothing more comes of it. An error is what to tell who waits: a `PeerFailure`, or a `SessionLost`. */
  end(given: Answer | Error): void
  log(params: Members): void
  progress(params: Members): void
  /** A request of the upstream. An error is what to answer at once. */
  ask(id: RpcId, method: string, params: Members): RpcError | null
  /** The upstream takes a request of its own back. True when it was of this call. */
  unask(id: RpcId): boolean
}

export interface CallNeeds {
  readonly method: string
  readonly capabilities: Members
  readonly serverInfo: Members | null
  /** Answers a request of the upstream. */
  readonly reply: (id: RpcId, result: Members) => Promise<void>
  /** The call is over, `cancelled` before its answer. */
  readonly over: (cancelled: boolean) => void
}

interface Ask {
  readonly id: RpcId
  readonly request: InputRequest
}

/** What an upstream asks at once is asked of the client at once. */
const GATHER_MS = 20
const MAX_ASKS = 16
const TOO_MANY: RpcError = { code: INTERNAL_ERROR, message: 'Too much is asked at once.' }
const NOT_HERE: RpcError = { code: METHOD_NOT_FOUND, message: 'Nothing can be asked during this request.' }

export function createUpstreamCall({ method, capabilities, serverInfo, reply, over }: CallNeeds): OpenCall {
  const asks = new Map<string, Ask>()
  let end: Answer | Error | null = null
  let waiting: (PromiseWithResolvers<Step> & { readonly ears: Ears }) | null = null
  let gathering: NodeJS.Timeout | null = null
  let asked = 0

  function finish(given: Answer | Error, cancelled = false): void {
    if (end !== null) return
    end = given
    asks.clear()
    clearTimeout(gathering ?? undefined)
    over(cancelled)
    advance()
  }

  /** Tells who waits, if anybody does and there is something to tell. */
  function advance(): void {
    if (waiting === null) return
    if (end instanceof Error) waiting.reject(end)
    else if (end !== null) waiting.resolve({ kind: 'answer', answer: end })
    else if (asks.size > 0 && gathering === null) waiting.resolve({ kind: 'asks', asks: open() })
    else return
    waiting = null
  }

  function open(): Readonly<Record<string, InputRequest>> {
    return Object.fromEntries([...asks].map(([key, { request }]) => [key, request]))
  }

  function gather(): void {
    gathering ??= setTimeout(() => {
      gathering = null
      advance()
    }, GATHER_MS)
  }

  function cancel(): void {
    if (end !== null) return
    waiting?.reject(waiting.ears.signal.reason)
    waiting = null
    finish(new PeerFailure('lost'), true)
  }

  return {
    serverInfo,
    mayAsk: mayAsk(method),
    async wait(ears) {
      if (ears.signal.aborted) cancel()
      ears.signal.throwIfAborted()
      const current = { ...Promise.withResolvers<Step>(), ears }
      waiting = current
      ears.signal.addEventListener('abort', cancel, { once: true })
      advance()
      try {
        return await current.promise
      } finally {
        ears.signal.removeEventListener('abort', cancel)
      }
    },
    async respond(responses) {
      for (const [key, { id }] of [...asks]) {
        const response = Object.hasOwn(responses, key) ? responses[key] : null
        // What is missing, or no answer, is asked for again ("Error Handling").
        if (!isRecord(response)) continue
        asks.delete(key)
        await reply(id, response)
      }
    },
    isWaited: () => waiting !== null,
    cancel,
    end: (given) => finish(given),
    log(params) {
      if (waiting === null || !isWanted(params.level, waiting.ears.logLevel)) return
      waiting.ears.notify({ method: 'notifications/message', params })
    },
    progress(params) {
      const progressToken = waiting?.ears.progressToken
      if (progressToken === undefined) return
      waiting?.ears.notify({ method: 'notifications/progress', params: { ...params, progressToken } })
    },
    ask(id, asking, params) {
      if (!mayAsk(method)) return NOT_HERE
      if (asks.size >= MAX_ASKS) return TOO_MANY
      const request = inputRequest(asking, params, capabilities)
      if (!isInputRequest(request)) return request
      asks.set(`q${++asked}`, { id, request })
      gather()
      return null
    },
    unask(id) {
      const found = [...asks].find(([, ask]) => ask.id === id)
      if (found) asks.delete(found[0])
      return found !== undefined
    },
  }
}
