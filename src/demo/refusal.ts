// Owns how the demo upstream refuses a request before any protocol code sees it: a JSON-RPC error without an id.

import type { ServerResponse } from 'node:http'

export interface Refusal {
  readonly status: number
  readonly code: number
  readonly message: string
}

export const PARSE_ERROR: Refusal = {
  status: 400,
  code: -32_700,
  message: 'Parse error: the body is not JSON',
}
export const BODY_TOO_LARGE: Refusal = { status: 413, code: -32_600, message: 'The body is too large' }
export const NO_SESSION: Refusal = { status: 400, code: -32_600, message: 'Mcp-Session-Id is missing' }
// 404 tells a client of the 2025 revisions to initialize again (2025-11-25, transports, "Session Management").
export const UNKNOWN_SESSION: Refusal = { status: 404, code: -32_001, message: 'Session not found' }
export const TOO_MANY_SESSIONS: Refusal = {
  status: 503,
  code: -32_603,
  message: 'Too many sessions, try later',
}

export function refuse(res: ServerResponse, { status, code, message }: Refusal): void {
  const body = JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null })
  // An unread body would be taken for the next request of a kept-alive connection.
  const headers = { 'content-type': 'application/json', ...(status === 413 && { connection: 'close' }) }
  res.writeHead(status, headers).end(body)
}
