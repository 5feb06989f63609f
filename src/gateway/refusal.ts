// Owns refusals: the answers that the gateway makes itself, and how they are written.

import type { ServerResponse } from 'node:http'
import { INVALID_REQUEST, type RpcId } from '../mcp/rpc.ts'

/** What the audit records as the reason. */
export type RefusalReason =
  | 'origin'
  | 'path'
  | 'method'
  | 'token'
  | 'revocation_unknown'
  | 'scope'
  /** Of the operator: more scope would not help. */
  | 'policy'
  | 'session'
  | 'malformed'
  | 'too_large'
  | 'headers'
  | 'draining'
  | 'rate'
  | 'calls'
  | 'streams'
  | 'upstream_unreachable'
  | 'upstream_timeout'
  | 'upstream_credentials'
  | 'upstream_answer'
  | 'upstream_busy'
  | 'lost'
  | 'upstream_limited'
  | 'upstream_down'
  | 'internal'

export interface RefusalOptions {
  readonly status: number
  readonly reason: RefusalReason
  /** A JSON document. */
  readonly body: string
  /** Flat pairs, beside the ones that every refusal has. */
  readonly headers?: readonly string[]
  /** For the record: what the reason leaves open. */
  readonly detail?: string | undefined
}

/** An answer that ends the flow. Thrown by the step that decides it, written by the one place that answers. */
export class Refusal extends Error {
  readonly status: number
  readonly reason: RefusalReason
  readonly body: string
  readonly headers: readonly string[]
  readonly detail: string | null

  constructor({ status, reason, body, headers = [], detail }: RefusalOptions) {
    super(`${status} ${reason}`)
    this.name = 'Refusal'
    this.status = status
    this.reason = reason
    this.body = body
    this.headers = headers
    this.detail = detail ?? null
  }
}

export interface RpcRefusal {
  readonly status: number
  readonly reason: RefusalReason
  readonly code: number
  readonly message: string
  /** The requests that this answers: none, one, or those of a batch. */
  readonly ids?: readonly RpcId[]
  readonly headers?: readonly string[]
}

/** A refusal in the protocol's own words, so that a client can tell which request failed. */
export function rpcRefusal({ code, message, ids = [], ...rest }: RpcRefusal): Refusal {
  return new Refusal({ ...rest, body: rpcError(code, message, ids) })
}

export function malformed(message: string, ids: readonly RpcId[] = [], code = INVALID_REQUEST): Refusal {
  return rpcRefusal({ status: 400, reason: 'malformed', code, message, ids })
}

/** JSON-RPC 2.0 §5: `id` is null when the request's could not be read; §6: a batch is answered by an array. */
function rpcError(code: number, message: string, ids: readonly RpcId[]): string {
  const error = { code, message }
  if (ids.length > 1) return JSON.stringify(ids.map((id) => ({ jsonrpc: '2.0', id, error })))
  return JSON.stringify({ jsonrpc: '2.0', id: ids[0] ?? null, error })
}

/** `extra`: flat pairs, such as the CORS headers of this request's origin. */
export function writeRefusal(res: ServerResponse, refusal: Refusal, extra: readonly string[]): void {
  res.writeHead(refusal.status, [
    'content-type',
    'application/json',
    'content-length',
    String(Buffer.byteLength(refusal.body)),
    'cache-control',
    'no-store',
    'x-content-type-options',
    'nosniff',
    ...refusal.headers,
    ...extra,
  ])
  res.end(refusal.body)
}
