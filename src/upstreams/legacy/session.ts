// Owns one legacy session: the handshake, the calls under way in it, and what the upstream says of its own accord.

import { PeerFailure } from '../../mcp/peer.ts'
import {
  isRecord,
  METHOD_NOT_FOUND,
  type Members,
  type RpcError,
  type RpcId,
  type RpcNotification,
} from '../../mcp/rpc.ts'
import { type Channel, type OpenChannel, type Opening, SessionLost } from './channel.ts'
import { type Initialized, type Introduction, initialize } from './handshake.ts'
import { createLogWishes } from './log-wishes.ts'
import { type Answer, readMessage, type UpstreamMessage } from './message.ts'
import { createOwners } from './owners.ts'
import { createQuestionStream } from './question-stream.ts'
import { createRequests, type Sendable } from './requests.ts'
import { createSubscriptions, type Subscriptions } from './subscriptions.ts'
import { createUpstreamCall, type UpstreamCall } from './upstream-call.ts'
import { within } from './within.ts'

export interface Session {
  readonly about: Initialized
  /** Nothing new can be begun in it. */
  isOver(): boolean
  /** Nobody uses it. */
  isIdle(): boolean
  /** Counts as a use until the returned function is called. */
  use(): () => void
  /** Sends a request. What becomes of it is told to who waits for the call; a `SessionLost` also here. */
  call(sent: Sendable, logLevel: string | null): Promise<UpstreamCall>
  /** A request of our own. Rejects with `SessionLost` or a `PeerFailure`. */
  ask(method: string, params: Members): Promise<Answer>
  readonly subscriptions: Subscriptions
  /** What belongs to no request: whether the upstream says it to us from now on. Rejects like `ask`. */
  hear(): Promise<boolean>
  /** Until the returned function is called. `ended` when there will be no more of it. */
  listen(listener: Listener): () => void
  close(): Promise<void>
}

export interface Listener {
  readonly notify: (notification: RpcNotification) => void
  readonly ended: (failure: PeerFailure) => void
}

type AskedOfUs = Extract<UpstreamMessage, { readonly kind: 'request' }>

/** Some servers send the head of a silent stream with its first event. */
const HEAR_MS = 3000
const GOODBYE_MS = 3000
const NOT_NOW: RpcError = { code: METHOD_NOT_FOUND, message: 'Nothing can be asked outside of a request.' }

export async function openSession(
  open: OpenChannel,
  opening: Omit<Opening, 'events'>,
  introduction: Introduction,
): Promise<Session> {
  const owners = createOwners()
  const listeners = new Set<Listener>()
  let over = false
  let begun = false
  const opened = await open({
    ...opening,
    events: {
      message: (json, during) => receive(readMessage(json), during),
      broken: (id, failure) => requests.settle(id, failure),
      closed,
      deaf,
      // A revision that it does not speak may be refused in the same words.
      doubted: () => {
        over ||= begun
      },
    },
  })
  const channel = { ...opened, send }
  const requests = createRequests(channel)
  const questions = createQuestionStream(channel, introduction)
  const logs = createLogWishes(requests.ask, () => owners.count() > 0)

  async function send(...message: Parameters<Channel['send']>): Promise<void> {
    try {
      await opened.send(...message)
    } catch (error) {
      if (error instanceof SessionLost) over = true
      throw error
    }
  }

  function receive(message: UpstreamMessage, during: RpcId | null): void {
    if (message.kind === 'answer') requests.settle(message.id, message.answer)
    if (message.kind === 'notification') hearNotification(message, during)
    if (message.kind === 'request') answerRequest(message, during)
  }

  function answerRequest({ id, method, params }: AskedOfUs, during: RpcId | null): void {
    if (method === 'ping') {
      reply({ id, result: {} })
      return
    }
    const owner = owners.ofQuestion(during)
    const error = owner === null ? NOT_NOW : owner.ask(id, method, params)
    if (error !== null) reply({ id, error })
  }

  function reply(answer: Members): void {
    channel.send({ jsonrpc: '2.0', ...answer }).catch(() => undefined)
  }

  function hearNotification({ method, params }: RpcNotification, during: RpcId | null): void {
    if (method === 'notifications/progress') owners.byToken(params.progressToken)?.progress(params)
    else if (method === 'notifications/message') owners.of(during)?.log(params)
    else if (method === 'notifications/cancelled') owners.unask(params.requestId)
    else for (const { notify } of [...listeners]) notify({ method, params })
  }

  async function begin(sent: Sendable, logLevel: string | null): Promise<UpstreamCall> {
    await questions.hear()
    if (isRecord(about.capabilities.logging)) await logs.want(logLevel)
    const id = requests.nextId()
    const call = createUpstreamCall({
      method: sent.method,
      capabilities: introduction.capabilities,
      serverInfo: about.serverInfo,
      reply: (to, result) => channel.send({ jsonrpc: '2.0', id: to, result }),
      over: (cancelled) => finish(id, cancelled),
    })
    owners.add(id, call)
    requests.send(id, { ...sent, params: withProgressToken(sent.params, id) }, call.end)
    return call
  }

  function finish(id: number, cancelled: boolean): void {
    owners.remove(id)
    requests.drop(id)
    if (!cancelled) return
    const params = { requestId: id, reason: 'Nobody waits for it any more.' }
    const told = channel.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params })
    // What carries the answer is given up after that, and not much later at an upstream that hangs.
    void within(
      GOODBYE_MS,
      told.catch(() => undefined),
      undefined,
    ).then(() => channel.forget(id))
  }

  function closed(failure: PeerFailure): void {
    over = true
    requests.failAll(failure)
    deaf(failure)
  }

  function deaf(failure: PeerFailure): void {
    for (const { ended } of [...listeners]) ended(failure)
  }

  async function close(): Promise<void> {
    closed(new PeerFailure('lost'))
    await channel.close()
  }

  const about = await initialize(channel, requests.ask, introduction).catch(async (error: unknown) => {
    await close()
    throw error
  })
  begun = true
  let uses = 0
  return {
    about,
    isOver: () => over,
    isIdle: () => uses === 0 && owners.count() === 0,
    use() {
      uses++
      return () => void uses--
    },
    call: begin,
    ask: requests.ask,
    subscriptions: createSubscriptions(requests.ask),
    async hear() {
      if (await within(HEAR_MS, channel.hear(), true)) return true
      // It has no such stream; or it has forgotten the session, which it says in the same way.
      await requests.ask('ping', {})
      return false
    },
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close,
  }
}

/** Two clients may choose equal tokens, and both calls may be in one session: ours is the id, which is unique there. */
function withProgressToken(params: Members, id: number): Members {
  const meta = params._meta
  if (!isRecord(meta) || meta.progressToken === undefined) return params
  return { ...params, _meta: { ...meta, progressToken: id } }
}
