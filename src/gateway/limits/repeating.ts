// Owns which calls may be sent a second time when the first try came to nothing.

import { isGone } from '../../http/gone.ts'
import { READING_METHODS } from '../../mcp/reading.ts'
import type { Call } from '../call.ts'
import type { RpcMessage } from '../message.ts'

/**
 * RFC 9110 §9.2.2: a request is repeated when nothing of it was sent, or when doing it twice is like doing it once. `sent`
 * says whether it had a connection.
 */
export function mayRepeat(call: Call, sent: boolean, error: unknown): boolean {
  return isGone(error) && (!sent || isReading(call))
}

function isReading({ method, messages }: Call): boolean {
  if (method === 'GET') return true
  return messages.length > 0 && messages.every(isLook)
}

/** Answers to what the upstream asked are good once, whatever they continue (MCP 2026-07-28, basic/patterns/mrtr.mdx). */
function isLook({ method, params }: RpcMessage): boolean {
  return READING_METHODS.has(method ?? '') && params.inputResponses === undefined
}
