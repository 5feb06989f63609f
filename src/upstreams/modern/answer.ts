// Owns what an upstream's answer over HTTP says: notifications on the way, and a result or an error at the end.

import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { discard, mediaTypeOf, readEvents, readJson, UnreadableAnswer } from '../../http/answer-body.ts'
import { type AnswerBudget, NoRoom } from '../../http/answer-budget.ts'
import { ConnectionFailure, type IncomingAnswer } from '../../http/connections.ts'
import { retryAfterOf } from '../../http/retry-after.ts'
import { contradicts } from '../../mcp/era-signs.ts'
import { parseShallow } from '../../mcp/exact-json.ts'
import { type PeerAnswer, PeerFailure } from '../../mcp/peer.ts'
import { isRecord, type Members, type RpcError, type RpcId, type RpcNotification } from '../../mcp/rpc.ts'
import { wantedScope } from '../../oauth/wanted-scope.ts'
import { crowded } from '../crowded.ts'
import { EraMismatch } from '../era-mismatch.ts'

export interface Expected {
  /** Of the request that this is the answer to. */
  readonly id: RpcId
  readonly method: string
  readonly maxBytes: number
  /** Of all answers together. */
  readonly budget?: AnswerBudget | undefined
  readonly notify: (notification: RpcNotification) => void
}

/** Rejects with a `PeerFailure` when there is no answer in it. */
export async function readAnswer(incoming: IncomingAnswer, expected: Expected): Promise<PeerAnswer> {
  const answer = await read(incoming, expected).catch((error: unknown) => {
    throw peerFailure(error)
  })
  const error = answer?.kind === 'error' ? answer.error : null
  const refused = { status: incoming.status, code: error?.code ?? null, method: expected.method }
  if (answer?.kind !== 'result' && contradicts('modern', refused)) throw new EraMismatch(error)
  if (answer === null) throw failureOf(incoming)
  return answer
}

/** What a failed connection, or an answer that cannot be read, comes to. */
export function peerFailure(cause: unknown): PeerFailure {
  if (cause instanceof PeerFailure) return cause
  if (cause instanceof NoRoom) return crowded(cause)
  if (cause instanceof UnreadableAnswer) return new PeerFailure('answer', { cause })
  const reason = cause instanceof ConnectionFailure ? cause.reason : 'unreachable'
  return new PeerFailure(reason, { cause })
}

async function read(
  { status, headers, body }: IncomingAnswer,
  expected: Expected,
): Promise<PeerAnswer | null> {
  if (status === 401 || status === 403 || status === 407) {
    await discard(body)
    throw new PeerFailure('credentials', { wantsScope: wantedScope(status, headers['www-authenticate']) })
  }
  const type = typeOf(headers)
  if (type === 'application/json') return readWhole(body, status, expected)
  if (type === 'text/event-stream' && status < 300) return readStream(body, expected)
  await discard(body)
  return null
}

async function readWhole(
  body: Readable,
  status: number,
  { id, maxBytes, budget }: Expected,
): Promise<PeerAnswer | null> {
  const json = await readJson(body, maxBytes, { budget, parse: parseShallow }).catch((error: unknown) => {
    // The status says enough.
    if (error instanceof UnreadableAnswer && status >= 300) return null
    throw error
  })
  return isRecord(json) ? answerTo(id, json) : null
}

/** In order; the answer ends it, whatever else the upstream would like to say. */
async function readStream(body: Readable, { id, maxBytes, budget, notify }: Expected): Promise<PeerAnswer> {
  for await (const { type, data } of readEvents(body, { maxBytes, budget })) {
    if ((type !== undefined && type !== 'message') || data === '') continue
    const message = messageIn(data)
    const answer = answerTo(id, message)
    if (answer) return answer
    const notification = notificationIn(message)
    if (notification) notify(notification)
  }
  // "Receiving Messages": the response comes last. Without one the upstream broke off, however politely.
  throw new PeerFailure('unreachable')
}

function messageIn(data: string): Members {
  try {
    const json = parseShallow(data)
    if (isRecord(json) && json.jsonrpc === '2.0') return json
  } catch (cause) {
    throw new PeerFailure('answer', { cause })
  }
  throw new PeerFailure('answer')
}

/** A request of the upstream's ("MUST NOT send independent JSON-RPC requests") is nothing, and nobody answers it. */
export function notificationIn({ method, params = {}, id }: Members): RpcNotification | null {
  if (typeof method !== 'string' || id !== undefined || !isRecord(params)) return null
  return { method, params }
}

/** Null where it is none. */
export function answerTo(id: RpcId, { jsonrpc, id: answered, result, error }: Members): PeerAnswer | null {
  if (jsonrpc !== '2.0') return null
  if (isRecord(result) && answered === id) {
    // Absent is complete (basic/index.mdx, "Responses").
    const { resultType = 'complete' } = result
    return typeof resultType === 'string' ? { kind: 'result', result: { ...result, resultType } } : null
  }
  const said = rpcError(error)
  // JSON-RPC 2.0 §5: null where the id could not be read.
  return said && (answered === id || answered === null || answered === undefined)
    ? { kind: 'error', error: said }
    : null
}

function rpcError(value: unknown): RpcError | null {
  if (!isRecord(value)) return null
  const { code, message, data } = value
  if (!Number.isSafeInteger(code) || typeof code !== 'number' || typeof message !== 'string') return null
  return data === undefined ? { code, message } : { code, message, data }
}

function failureOf({ status, headers }: IncomingAnswer): PeerFailure {
  const again = { retryAfterSeconds: retryAfterOf(headers) }
  if (status === 429) return new PeerFailure('limited', again)
  if (status === 408 || status === 504) return new PeerFailure('timed_out')
  return status === 502 || status === 503 ? new PeerFailure('unreachable', again) : new PeerFailure('answer')
}

/** Empty for what is packed, which was not asked for. */
function typeOf(headers: IncomingHttpHeaders): string {
  const encoding = headers['content-encoding'] ?? 'identity'
  return encoding === 'identity' ? mediaTypeOf(headers['content-type']) : ''
}
