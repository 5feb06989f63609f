// Owns the conversation in MCP 2026-07-28 with one program: requests under ids of its own, and what comes back told apart
// (basic/transports/stdio.mdx: everything comes on one line of messages).

import { SUBSCRIPTION_ID } from '../../mcp/meta.ts'
import {
  type PeerAnswer,
  PeerFailure,
  type PeerHooks,
  type PeerRequest,
  type Visitor,
} from '../../mcp/peer.ts'
import { isRecord, type Members, type RpcId, type RpcNotification } from '../../mcp/rpc.ts'
import type { Credential } from '../credentials.ts'
import type { OpenChannel } from '../legacy/channel.ts'
import type { StdioUpstream } from '../registry.ts'
import { answerTo, notificationIn } from './answer.ts'
import { messageOf } from './message.ts'

export interface ProgramLineNeeds {
  readonly upstream: StdioUpstream
  readonly open: OpenChannel
  readonly credential: () => Promise<Credential>
  readonly signal: AbortSignal
  /** It ended by itself, and so did everything that was asked. */
  readonly closed: () => void
}

export interface ProgramLine {
  ask(visitor: Visitor, request: PeerRequest, hooks: PeerHooks): Promise<PeerAnswer>
  isIdle(): boolean
  close(): Promise<void>
}

interface Waiting {
  readonly notify: PeerHooks['notify']
  /** The client's own, instead of which the program is given the id of the request: those of two clients may be the same. */
  readonly progressToken: unknown
  readonly wantsLog: boolean
  readonly settle: (answer: PeerAnswer) => void
  readonly fail: (error: unknown) => void
}

const MOST_WAITING = 256
const ENDED: PeerAnswer = { kind: 'result', result: { resultType: 'complete' } }

export async function openProgramLine(needs: ProgramLineNeeds): Promise<ProgramLine> {
  const waiting = new Map<RpcId, Waiting>()
  let lastId = 0
  const events = { message: receive, broken, closed: end }
  const channel = await needs.open({ ...needs, events })

  function end(failure: PeerFailure): void {
    for (const { fail } of waiting.values()) fail(failure)
    waiting.clear()
    needs.closed()
  }

  function broken(id: RpcId, failure: PeerFailure): void {
    const asked = waiting.get(id)
    waiting.delete(id)
    asked?.fail(failure)
  }

  /** Requests of the program's ("MUST NOT write JSON-RPC requests") are nothing, and nobody answers them. */
  function receive(message: Members): void {
    const notification = notificationIn(message)
    if (notification) hear(notification)
    else if (typeof message.id === 'number' && message.method === undefined) answer(message.id, message)
  }

  function answer(id: number, message: Members): void {
    const asked = waiting.get(id)
    if (!asked) return
    waiting.delete(id)
    const answered = answerTo(id, message)
    if (answered) asked.settle(answered)
    else asked.fail(new PeerFailure('answer'))
  }

  function hear(notification: RpcNotification): void {
    const { method, params } = notification
    // The word for a subscription that the program ends (basic/patterns/cancellation.mdx).
    if (method === 'notifications/cancelled') endSubscription(params.requestId)
    const [id, asked] = whoIsTold(notification) ?? []
    if (id === undefined || asked === undefined) return
    try {
      asked.notify(
        method === PROGRESS
          ? { method, params: { ...params, progressToken: asked.progressToken } }
          : notification,
      )
    } catch (error) {
      waiting.delete(id)
      asked.fail(error)
    }
  }

  function endSubscription(id: unknown): void {
    const asked = isId(id) ? waiting.get(id) : undefined
    if (!isId(id) || !asked) return
    waiting.delete(id)
    asked.settle(ENDED)
  }

  /** A log message does not say to which request it belongs: the oldest that wants to hear any gets it. */
  function whoIsTold({ method, params }: RpcNotification): readonly [RpcId, Waiting] | undefined {
    if (method === 'notifications/message') return [...waiting].find(([, { wantsLog }]) => wantsLog)
    const meta = isRecord(params._meta) ? params._meta : {}
    const id = method === PROGRESS ? params.progressToken : meta[SUBSCRIPTION_ID]
    const asked = isId(id) ? waiting.get(id) : undefined
    return isId(id) && asked ? [id, asked] : undefined
  }

  async function ask(visitor: Visitor, request: PeerRequest, hooks: PeerHooks): Promise<PeerAnswer> {
    const { signal, notify } = hooks
    signal.throwIfAborted()
    if (waiting.size >= MOST_WAITING) throw new PeerFailure('busy')
    const id = ++lastId
    const { promise, resolve, reject } = Promise.withResolvers<PeerAnswer>()
    const { token, params } = withToken(request.params, id)
    const wantsLog = visitor.logLevel !== null
    waiting.set(id, { notify, progressToken: token, wantsLog, settle: resolve, fail: reject })
    const cancel = () => {
      if (waiting.delete(id)) channel.send(cancelled(id)).catch(() => undefined)
      reject(signal.reason)
    }
    signal.addEventListener('abort', cancel, { once: true })
    channel.send(messageOf(id, visitor, { ...request, params })).catch((error: unknown) => {
      waiting.delete(id)
      reject(error)
    })
    return promise.finally(() => signal.removeEventListener('abort', cancel))
  }

  return { ask, isIdle: () => waiting.size === 0, close: () => channel.close() }
}

const PROGRESS = 'notifications/progress'

function isId(value: unknown): value is number {
  return typeof value === 'number'
}

function withToken(params: Members, id: number): { readonly token: unknown; readonly params: Members } {
  const { _meta } = params
  if (!isRecord(_meta) || _meta.progressToken === undefined) return { token: undefined, params }
  return { token: _meta.progressToken, params: { ...params, _meta: { ..._meta, progressToken: id } } }
}

/** basic/transports/stdio.mdx, "Cancellation". */
function cancelled(requestId: number): Members {
  return { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } }
}
