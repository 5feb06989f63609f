// Owns what a client takes for an answer, by its Accept header (RFC 9110 §12.5.1).

import type { IncomingMessage } from 'node:http'
import { INVALID_REQUEST, type RpcId } from '../../../mcp/rpc.ts'
import { rpcRefusal } from '../../refusal.ts'

const JSON_RANGES: ReadonlySet<string> = new Set(['application/json', 'application/*', '*/*'])
const EVENT_RANGES: ReadonlySet<string> = new Set(['text/event-stream', 'text/*', '*/*'])

export interface Accepted {
  readonly json: boolean
  readonly events: boolean
}

/** MCP 2025-11-25, "Sending Messages to the Server": both are listed. Who lists one gets that one; who says nothing, either. */
export function acceptedBy({ headers: { accept = '*/*' } }: IncomingMessage): Accepted {
  const ranges = accept.split(',').map((range) => (range.split(';', 1)[0] ?? '').trim().toLowerCase())
  return {
    json: ranges.some((range) => JSON_RANGES.has(range)),
    events: ranges.some((range) => EVENT_RANGES.has(range)),
  }
}

export function notAcceptable(types: string, ids: readonly RpcId[] = []) {
  const message = `The client does not accept ${types}, which is what it would get.`
  return rpcRefusal({ status: 406, reason: 'malformed', code: INVALID_REQUEST, message, ids })
}
