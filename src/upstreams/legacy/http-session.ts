// Owns the requests of one session over Streamable HTTP: what each of them says of the session, and of who asks.

import type { Connections, IncomingAnswer } from '../../http/connections.ts'
import { PeerFailure } from '../../mcp/peer.ts'
import { send } from '../presenting.ts'
import type { Opening } from './channel.ts'
import { peerFailure } from './http-answer.ts'
import { headersFor } from './http-headers.ts'

export type Headers = Readonly<Record<string, string>>

export interface HttpSession {
  /** `isSaid`: it wants no answer, so that it is taken at once or not at all. */
  post(message: string, more: Headers, signal: AbortSignal, isSaid: boolean): Promise<IncomingAnswer>
  /** For what belongs to no request, or for the rest of a stream after this event. */
  get(lastEventId: string | null, signal: AbortSignal): Promise<IncomingAnswer>
  delete(signal: AbortSignal): Promise<IncomingAnswer>
  /** The upstream gave the session an id. */
  isNamed(): boolean
  /** Reads that id from the answer to `initialize`. Throws a `PeerFailure` when it is none. */
  learn(answer: IncomingAnswer): void
  speak(version: string): void
}

export interface HttpSessionNeeds {
  readonly connections: Connections
  readonly url: string
  /** By the operator. */
  readonly configured: Headers
  readonly credential: Opening['credential']
}

/** Nobody waits for it to be taken: without an end of its own, each would keep a connection at an upstream that hangs. */
export const SOON = { firstByteTimeoutMs: 30_000 } as const

const BOTH_TYPES = 'application/json, text/event-stream'
/** MCP 2025-11-25, "Session Management": visible ASCII. */
const SESSION_ID = /^[\x21-\x7e]{1,1024}$/

export function createHttpSession({
  connections,
  url,
  configured,
  credential,
}: HttpSessionNeeds): HttpSession {
  let id: string | null = null
  let version: string | null = null

  async function request(
    method: 'POST' | 'GET' | 'DELETE',
    body: string | null,
    own: Headers,
    signal: AbortSignal,
    isSaid = false,
  ): Promise<IncomingAnswer> {
    const ofTheMessage = {
      ...own,
      ...(id !== null && { 'mcp-session-id': id }),
      ...(version !== null && { 'mcp-protocol-version': version }),
    }
    // What goes wrong with the credential is for its owner to say.
    const presented = await credential()
    const headers = headersFor(configured, presented, ofTheMessage)
    try {
      return await send(connections, { method, url, headers, body, signal, ...(isSaid && SOON) }, presented)
    } catch (error) {
      throw peerFailure(error)
    }
  }

  return {
    post(message, more, signal, isSaid) {
      const own = { ...more, accept: BOTH_TYPES, 'content-type': 'application/json' }
      return request('POST', message, own, signal, isSaid)
    },
    get: (lastEventId, signal) => {
      const own = {
        accept: 'text/event-stream',
        ...(lastEventId !== null && { 'last-event-id': lastEventId }),
      }
      return request('GET', null, own, signal)
    },
    delete: (signal) => request('DELETE', null, {}, signal),
    isNamed: () => id !== null,
    learn({ status, headers, body }) {
      const given = headers['mcp-session-id']
      if (status >= 300 || given === undefined) return
      id = typeof given === 'string' && SESSION_ID.test(given) ? given : null
      if (id !== null) return
      body.destroy()
      throw new PeerFailure('answer')
    },
    speak(spoken) {
      version = spoken
    },
  }
}
