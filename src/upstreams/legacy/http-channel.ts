// Owns the channel over Streamable HTTP as it was from 2025-03-26 to 2025-11-25: a POST per message, one stream for the rest.

import type { Readable } from 'node:stream'
import { discard, readJson } from '../../http/answer-body.ts'
import type { AnswerBudget } from '../../http/answer-budget.ts'
import type { Connections, IncomingAnswer } from '../../http/connections.ts'
import { retryAfterOf } from '../../http/retry-after.ts'
import { parseShallow } from '../../mcp/exact-json.ts'
import { PeerFailure } from '../../mcp/peer.ts'
import { isRpcId, type Members, type RpcId } from '../../mcp/rpc.ts'
import { wantedScope } from '../../oauth/wanted-scope.ts'
import { balancedConnections } from '../balanced-connections.ts'
import { type Channel, type ChannelEvents, type OpenChannel, SessionLost } from './channel.ts'
import {
  doubtsSession,
  errorIn,
  failureOf,
  isUnknownMethod,
  type Meaning,
  meaningOf,
  peerFailure,
} from './http-answer.ts'
import { createHttpSession, type Headers, type HttpSession } from './http-session.ts'
import { messagesOf, readStream, type StreamNeeds } from './http-stream.ts'

export interface HttpChannelNeeds {
  readonly connections: Connections
  /** Of one message. */
  readonly maxBytes?: number
  /** Of all answers together. */
  readonly budget?: AnswerBudget | undefined
}

const MAX_BYTES = 16 * 1024 * 1024
const GOODBYE_MS = 3000

export function openHttpChannels(needs: HttpChannelNeeds): OpenChannel {
  return async ({ upstream, credential, events }) => {
    if (upstream.kind !== 'http') throw new Error('The upstream is not reached over Streamable HTTP.')
    const { balance, url, headers: configured } = upstream
    // Of several endpoints one has the session: the one that named it.
    const connections = balance === null ? needs.connections : balancedConnections(needs.connections, balance)
    const session = createHttpSession({ connections, url, configured, credential })
    return createHttpChannel(session, events, needs)
  }
}

function createHttpChannel(
  session: HttpSession,
  events: ChannelEvents,
  { maxBytes = MAX_BYTES, budget }: HttpChannelNeeds,
): Channel {
  const closing = new AbortController()
  const streams = new Map<RpcId, AbortController>()
  let hearing: Promise<boolean> | null = null

  async function send(message: Members, trace: Headers = {}): Promise<void> {
    closing.signal.throwIfAborted()
    const id = 'method' in message && isRpcId(message.id) ? message.id : null
    const leaving = new AbortController()
    if (id !== null) streams.set(id, leaving)
    const signal = id === null ? closing.signal : leaving.signal
    try {
      const answer = await session.post(JSON.stringify(message), trace, signal, id === null)
      if (message.method === 'initialize') session.learn(answer)
      await take(answer, id, signal)
    } catch (error) {
      if (id !== null) streams.delete(id)
      throw error
    }
  }

  async function take(answer: IncomingAnswer, id: RpcId | null, signal: AbortSignal): Promise<void> {
    const { status, headers, body } = answer
    const meaning = meaningOf(status, headers, session.isNamed())
    if (id !== null && meaning === 'events') void follow(body, id, signal)
    else if (id !== null && (meaning === 'json' || meaning === 'error_json')) await takeJson(answer, id)
    else if (id !== null && meaning === 'session_lost') await takeNotFound(answer, id)
    else {
      await discard(body)
      if (meaning === 'credentials')
        throw new PeerFailure(meaning, { wantsScope: wantedScope(status, headers['www-authenticate']) })
      judgeStatus(meaning, answer, id)
    }
  }

  async function takeJson({ status, headers, body }: IncomingAnswer, id: RpcId): Promise<void> {
    const reading = readJson(body, maxBytes, { budget, parse: parseShallow })
    const messages = await reading.then(messagesOf).catch(rethrow)
    streams.delete(id)
    // An error without an id, in a session, is what many servers say when they do not know the session.
    const unrelated = status === 400 && !messages.some((message) => message.id === id)
    if (unrelated && session.isNamed()) throw new SessionLost(false)
    if (messages.some((message) => doubtsSession(message, status))) events.doubted?.()
    const answered = messages.map((message) => deliver(named(message, id, status), id))
    if (answered.includes(true)) return
    throw new PeerFailure(status < 300 ? 'answer' : failureOf(status), {
      retryAfterSeconds: retryAfterOf(headers),
    })
  }

  /** Whoever answers what was asked knows the session; some say with this status that they do not know the method. */
  async function takeNotFound({ headers, body }: IncomingAnswer, id: RpcId): Promise<void> {
    const said = await errorIn(headers, body, maxBytes, budget)
    if (said?.id !== id || !isUnknownMethod(said)) throw new SessionLost(true)
    streams.delete(id)
    deliver(said, id)
  }

  /** True when the message answers the request. */
  function deliver(message: Members, during: RpcId | null): boolean {
    if (!closing.signal.aborted) events.message(message, during)
    return during !== null && !('method' in message) && message.id === during
  }

  async function follow(body: Readable, id: RpcId, signal: AbortSignal): Promise<void> {
    try {
      await readStream(body, { ...streamNeeds(signal), take: (message) => deliver(message, id) })
    } catch (error) {
      if (!signal.aborted) events.broken(id, peerFailure(error))
    } finally {
      streams.delete(id)
    }
  }

  function streamNeeds(signal: AbortSignal): Omit<StreamNeeds, 'take'> {
    return { maxBytes, budget, signal, restarts: false, resume: (last) => openStream(last, signal) }
  }

  async function openStream(lastEventId: string | null, signal: AbortSignal): Promise<Readable | null> {
    const { status, headers, body } = await session.get(lastEventId, signal)
    const meaning = meaningOf(status, headers, session.isNamed())
    if (meaning === 'events') return body
    await discard(body)
    if (meaning === 'unreachable' || meaning === 'timed_out' || meaning === 'limited')
      throw new PeerFailure(meaning)
    return null
  }

  /** "Listening for Messages from the Server". 405 is the word for having no such stream, but not every server knows it. */
  async function hear(): Promise<boolean> {
    const { signal } = closing
    const body = await openStream(null, signal)
    if (body === null) return false
    const needs = {
      ...streamNeeds(signal),
      restarts: true,
      take: (message: Members) => deliver(message, null),
    }
    void readStream(body, needs).catch((error: unknown) => {
      hearing = null
      if (!signal.aborted) events.deaf?.(peerFailure(error))
    })
    return true
  }

  async function close(): Promise<void> {
    if (closing.signal.aborted) return
    closing.abort(new PeerFailure('lost'))
    for (const stream of streams.values()) stream.abort()
    streams.clear()
    if (!session.isNamed()) return
    const answer = await session.delete(AbortSignal.timeout(GOODBYE_MS)).catch(() => null)
    if (answer !== null) await discard(answer.body)
  }

  return {
    send,
    speak: session.speak,
    hear: () => {
      hearing ??= hear().catch((error: unknown) => {
        hearing = null
        throw error
      })
      return hearing
    },
    forget: (id) => {
      streams.get(id)?.abort()
      streams.delete(id)
    },
    close,
  }
}

/** An error that a server could not relate to a request, in an answer that belongs to one: it is about that one. */
function named(message: Members, id: RpcId, status: number): Members {
  const unnamed = message.id === null || message.id === undefined
  return status >= 400 && 'error' in message && unnamed ? { ...message, id } : message
}

function rethrow(error: unknown): never {
  throw peerFailure(error)
}

function judgeStatus(meaning: Meaning, { status, headers }: IncomingAnswer, id: RpcId | null): void {
  const again = { retryAfterSeconds: retryAfterOf(headers) }
  if (meaning === 'session_lost') throw new SessionLost(true)
  if (meaning === 'bad_request') throw new SessionLost(false)
  if (meaning === 'error_json') throw new PeerFailure(failureOf(status), again)
  // A status alone does not answer a request; whatever else comes for anything but a request is of no interest.
  if (meaning === 'taken' && id !== null) throw new PeerFailure('answer')
  if (meaning !== 'taken' && meaning !== 'json' && meaning !== 'events') throw new PeerFailure(meaning, again)
}
