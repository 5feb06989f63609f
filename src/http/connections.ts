// Owns the connections to upstreams that we speak to ourselves: one request, and its answer as a stream that somebody bounds.

import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { Agent, errors } from 'undici'
import { telling, Unsent } from './unsent.ts'

export interface OutgoingRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'
  /** Absolute, http or https, as an operator configured it. Redirects are answers, they are not followed. */
  readonly url: string
  /** By name, in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  /** Breaks the request off, and the reading of its answer: the upstream sees the connection close. */
  readonly signal: AbortSignal
  /** Until the upstream answers at all, where that is shorter than for others. */
  readonly firstByteTimeoutMs?: number
}

export interface IncomingAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** To be read to its end or destroyed: until then it has a connection to itself. */
  readonly body: Readable
}

export interface Connections {
  /** Resolves with the head of the answer. Rejects with a `ConnectionFailure`, or the signal's reason. */
  request(outgoing: OutgoingRequest): Promise<IncomingAnswer>
  /** Breaks off what is under way. */
  close(): Promise<void>
}

export interface ConnectionLimits {
  readonly connectTimeoutMs: number
  /** Until an upstream answers at all. */
  readonly firstByteTimeoutMs: number
}

export interface ConnectionFailureOptions extends ErrorOptions {
  readonly when?: ConnectionFailure['when']
}

/** There is no answer, or no more of it. */
export class ConnectionFailure extends Error {
  readonly reason: 'unreachable' | 'timed_out'
  /** Before it had a connection, so that nobody has seen any of it; before an answer began; or in the middle of that. */
  readonly when: 'unsent' | 'unanswered' | 'answering'

  constructor(
    reason: ConnectionFailure['reason'],
    { when = 'answering', ...options }: ConnectionFailureOptions = {},
  ) {
    super(`The connection failed: ${reason}.`, options)
    this.name = 'ConnectionFailure'
    this.reason = reason
    this.when = when
  }
}

const KEEP_ALIVE_PROBE_MS = 30_000
const DEFAULT_LIMITS: ConnectionLimits = { connectTimeoutMs: 10_000, firstByteTimeoutMs: 15 * 60_000 }

/**
 * HTTP/1.1 alone, where a request has a connection to itself: leaving one is closing it. As many connections as there are
 * requests, because one that waits behind an event stream waits for ever.
 */
export function createConnections(limits: Partial<ConnectionLimits> = {}): Connections {
  const { connectTimeoutMs, firstByteTimeoutMs } = { ...DEFAULT_LIMITS, ...limits }
  const agent = new Agent({
    allowH2: false,
    connect: { timeout: connectTimeoutMs, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS },
    headersTimeout: firstByteTimeoutMs,
    // An event stream may be silent for as long as it likes; who reads something else sets a time for it.
    bodyTimeout: 0,
  })
  const dispatcher = agent.compose(telling)
  return {
    async request({ method, url, headers, body, signal, firstByteTimeoutMs: shorter }) {
      try {
        const answer = await dispatcher.request({
          origin: originOf(url),
          path: pathOf(url),
          method,
          headers,
          body,
          signal,
          headersTimeout: Math.min(shorter ?? firstByteTimeoutMs, firstByteTimeoutMs),
        })
        // Whoever reads it learns of it by reading; a body that nobody reads must not end the process.
        answer.body.on('error', () => undefined)
        return { status: answer.statusCode, headers: answer.headers, body: answer.body }
      } catch (error) {
        signal.throwIfAborted()
        throw error instanceof Unsent
          ? connectionFailure(error.cause, 'unsent')
          : connectionFailure(error, 'unanswered')
      }
    },
    close: () => agent.destroy(),
  }
}

/** What an error of a connection, or of an answer's body, comes to. */
export function connectionFailure(
  cause: unknown,
  when: ConnectionFailure['when'] = 'answering',
): ConnectionFailure {
  const late = cause instanceof errors.HeadersTimeoutError || cause instanceof errors.ConnectTimeoutError
  return new ConnectionFailure(late ? 'timed_out' : 'unreachable', { cause, when })
}

function originOf(url: string): string {
  return new URL(url).origin
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}
