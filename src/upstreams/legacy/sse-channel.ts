// Owns the channel over HTTP+SSE (MCP 2024-11-05, basic/transports.mdx): one stream for all that the upstream says, and a
// place, which it names there, for what it is told.

import { setTimeout as wait } from 'node:timers/promises'
import { discard, readEvents, type ServerSentEvent } from '../../http/answer-body.ts'
import type { AnswerBudget } from '../../http/answer-budget.ts'
import type { Connections, IncomingAnswer } from '../../http/connections.ts'
import { retryAfterOf } from '../../http/retry-after.ts'
import { PeerFailure, type PeerFailureReason } from '../../mcp/peer.ts'
import type { Members } from '../../mcp/rpc.ts'
import { wantedScope } from '../../oauth/wanted-scope.ts'
import { send } from '../presenting.ts'
import { type Channel, type OpenChannel, type Opening, SessionLost } from './channel.ts'
import { failureOf, type Meaning, meaningOf, peerFailure } from './http-answer.ts'
import { headersFor } from './http-headers.ts'
import { SOON } from './http-session.ts'
import { messagesIn } from './http-stream.ts'

export interface SseChannelNeeds {
  readonly connections: Connections
  /** Of one message. */
  readonly maxBytes?: number
  /** Of all answers together. */
  readonly budget?: AnswerBudget | undefined
  /** Until the upstream has named the place for messages. */
  readonly endpointMs?: number
}

type Headers = Readonly<Record<string, string>>
type Events = AsyncGenerator<ServerSentEvent, void>

const MAX_BYTES = 16 * 1024 * 1024
const ENDPOINT_MS = 10_000

export function openSseChannels(needs: SseChannelNeeds): OpenChannel {
  const { connections, budget, maxBytes = MAX_BYTES, endpointMs = ENDPOINT_MS } = needs
  return async (opening) => {
    const { upstream, signal } = opening
    if (upstream.kind !== 'sse') throw new Error(`Upstream "${upstream.name}" is not reached over HTTP+SSE.`)
    const closing = new AbortController()
    const giveUp = () => closing.abort()
    signal.throwIfAborted()
    signal.addEventListener('abort', giveUp, { once: true })
    const request = requester(opening, connections, upstream.headers, closing.signal)
    const { url } = upstream
    try {
      const own = { accept: 'text/event-stream' }
      const begin = async () => {
        const stream = await eventsOf(await request('GET', url, null, own))
        const events = readEvents(stream, { maxBytes, budget })
        return { events, endpoint: await firstEndpoint(events, url) }
      }
      const { events, endpoint } = await within(endpointMs, closing.signal, begin())
      return channelAt(endpoint, { opening, request, events, closing })
    } catch (error) {
      closing.abort()
      signal.throwIfAborted()
      throw peerFailure(error)
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }
}

type Request = (
  method: 'GET' | 'POST',
  url: string,
  body: string | null,
  own: Headers,
  /** It wants no answer; see http-session.ts. */
  isSaid?: boolean,
) => Promise<IncomingAnswer>

/** What is presented, is presented with the stream and with every message. */
function requester(
  { credential }: Opening,
  connections: Connections,
  configured: Headers,
  signal: AbortSignal,
): Request {
  return async (method, url, body, own, isSaid = false) => {
    try {
      const presented = await credential()
      const headers = headersFor(configured, presented, own)
      const outgoing = { method, url, headers, body, signal, ...(isSaid && SOON) }
      return await send(connections, outgoing, presented)
    } catch (error) {
      throw peerFailure(error)
    }
  }
}

async function eventsOf({ status, headers, body }: IncomingAnswer) {
  const meaning = meaningOf(status, headers, false)
  if (meaning === 'events') return body
  await discard(body)
  throw failureIn(meaning, status, headers)
}

function failureIn(meaning: Meaning, status: number, headers: IncomingAnswer['headers']): PeerFailure {
  if (meaning === 'credentials')
    return new PeerFailure(meaning, { wantsScope: wantedScope(status, headers['www-authenticate']) })
  return new PeerFailure(reasonOf(meaning, status), { retryAfterSeconds: retryAfterOf(headers) })
}

function reasonOf(meaning: Meaning, status: number): PeerFailureReason {
  switch (meaning) {
    case 'error_json':
      return failureOf(status)
    case 'json':
    case 'events':
    case 'taken':
    case 'session_lost':
    case 'bad_request':
      return 'answer'
    default:
      return meaning
  }
}

async function firstEndpoint(events: Events, url: string): Promise<string> {
  for (;;) {
    const { value: event } = await events.next()
    if (!event) throw new PeerFailure('answer', { cause: new Error('The stream ended before its endpoint.') })
    if (event.type === 'endpoint') return endpointIn(event.data, url)
  }
}

/** Whoever can write to the stream must not be able to send our headers to somebody else. */
function endpointIn(data: string, url: string): string {
  const endpoint = URL.parse(data.trim(), url)
  if (endpoint?.origin === new URL(url).origin) return endpoint.href
  throw new PeerFailure('answer', { cause: new Error('The endpoint is not of the same origin.') })
}

/** Leaving the loop of a generator that waits for its stream would wait as well: the stream is closed by its signal. */
async function within<T>(ms: number, signal: AbortSignal, work: Promise<T>): Promise<T> {
  const over = new AbortController()
  const late = wait(ms, undefined, { signal: AbortSignal.any([over.signal, signal]) }).then(() => {
    throw new PeerFailure('timed_out')
  })
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort()
    late.catch(() => undefined)
    work.catch(() => undefined)
  }
}

interface Opened {
  readonly opening: Opening
  readonly request: Request
  readonly events: Events
  readonly closing: AbortController
}

/** A session is its stream: when that breaks, the upstream has forgotten it, and nothing is there to come back to. */
function channelAt(endpoint: string, { opening, request, events: stream, closing }: Opened): Channel {
  const { signal } = closing
  const { events } = opening
  let version: string | null = null
  // Not before whoever opened the channel has it.
  setImmediate(() => void listen())

  async function listen(): Promise<void> {
    let failure = new PeerFailure('unreachable', { cause: new Error('The upstream ended its stream.') })
    try {
      for await (const { type, data } of stream) if (type === undefined || type === 'message') take(data)
    } catch (error) {
      failure = peerFailure(error)
    }
    if (signal.aborted) return
    closing.abort()
    events.closed(failure)
  }

  function take(data: string): void {
    for (const message of messagesIn(data)) if (!signal.aborted) events.message(message, null)
  }

  async function send(message: Members, trace: Headers = {}): Promise<void> {
    const own = {
      ...trace,
      'content-type': 'application/json',
      ...(version !== null && { 'mcp-protocol-version': version }),
    }
    const isSaid = message.id === undefined || !('method' in message)
    const answer = await request('POST', endpoint, JSON.stringify(message), own, isSaid)
    // What it has to say comes with the stream.
    await discard(answer.body)
    const { status, headers } = answer
    const meaning = meaningOf(status, headers, true)
    if (status < 300 && meaning !== 'answer') return
    if (meaning === 'session_lost' || meaning === 'bad_request')
      throw new SessionLost(meaning === 'session_lost')
    throw failureIn(meaning, status, headers)
  }

  return {
    send,
    speak: (spoken) => {
      version = spoken
    },
    hear: async () => true,
    forget: () => undefined,
    close: async () => closing.abort(),
  }
}
