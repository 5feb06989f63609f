// Owns what the status and the type of an upstream's answer to one message mean.

import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { discard, mediaTypeOf, readJson } from '../../http/answer-body.ts'
import { type AnswerBudget, NoRoom } from '../../http/answer-budget.ts'
import { ConnectionFailure } from '../../http/connections.ts'
import { parseShallow } from '../../mcp/exact-json.ts'
import { PeerFailure, type PeerFailureReason } from '../../mcp/peer.ts'
import { INVALID_REQUEST, isRecord, METHOD_NOT_FOUND, type Members } from '../../mcp/rpc.ts'
import { crowded } from '../crowded.ts'

export type Meaning =
  | 'json'
  | 'events'
  | 'taken'
  | 'error_json'
  /** It does not know the session: refused unread, or as a request that it cannot make sense of. */
  | 'session_lost'
  | 'bad_request'
  | PeerFailureReason

const OWN_ERRORS = { from: -32000, to: -32019 }

/** MCP 2025-11-25, basic/transports.mdx, "Sending Messages to the Server" and "Session Management". */
export function meaningOf(status: number, headers: IncomingHttpHeaders, inSession: boolean): Meaning {
  if (refusesCredentials(status, headers)) return 'credentials'
  if (status === 404 && inSession) return 'session_lost'
  if (status >= 300 && status < 400) return 'answer'
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') return 'answer'
  const type = mediaTypeOf(headers['content-type'])
  if (status < 300) return successOf(type)
  if (type === 'application/json') return 'error_json'
  // What many servers say after a restart, when a session id means nothing to them any more.
  return status === 400 && inSession ? 'bad_request' : failureOf(status)
}

export function failureOf(status: number): PeerFailureReason {
  if (status === 429) return 'limited'
  if (status === 504) return 'timed_out'
  return status === 502 || status === 503 ? 'unreachable' : 'answer'
}

/** Whatever ended a request, in the words of a peer. */
export function peerFailure(error: unknown): PeerFailure {
  if (error instanceof PeerFailure) return error
  if (error instanceof NoRoom) return crowded(error)
  if (error instanceof ConnectionFailure) return new PeerFailure(error.reason, { cause: error })
  return new PeerFailure('answer', { cause: error })
}

/**
 * "Session Management": a server that wants a session answers with 400 to whoever has none. What else the error says is its own
 * choice, often the id of the request and a code that JSON-RPC leaves to it; it may as well be about the request.
 */
export function doubtsSession({ error }: Members, status: number): boolean {
  if (status !== 400 || !isRecord(error) || typeof error.code !== 'number') return false
  return error.code === INVALID_REQUEST || (error.code <= OWN_ERRORS.from && error.code >= OWN_ERRORS.to)
}

/** The JSON-RPC message in an answer that is an error; null when there is none. Never rejects. */
export async function errorIn(
  headers: IncomingHttpHeaders,
  body: Readable,
  maxBytes: number,
  budget?: AnswerBudget,
): Promise<Members | null> {
  if (mediaTypeOf(headers['content-type']) !== 'application/json') {
    await discard(body)
    return null
  }
  const json = await readJson(body, maxBytes, { budget, parse: parseShallow }).catch(() => null)
  return isRecord(json) ? json : null
}

export function isUnknownMethod({ error }: Members): boolean {
  return isRecord(error) && error.code === METHOD_NOT_FOUND
}

function successOf(type: string): Meaning {
  if (type === 'application/json') return 'json'
  return type === 'text/event-stream' ? 'events' : 'taken'
}

function refusesCredentials(status: number, headers: IncomingHttpHeaders): boolean {
  if (status === 401 || status === 407) return true
  return status === 403 && headers['www-authenticate'] !== undefined
}
