// Owns that the numbers of a call are passed on as they were written, by a bridge that writes all of it again.

import { hasLongNumber, parseUnrounded } from '../../mcp/exact-json.ts'
import { isRecord } from '../../mcp/rpc.ts'
import type { Call } from '../call.ts'
import type { RpcMessage } from '../message.ts'

/** The same call, in whose params no number lost digits when it was read. What was decided about it stays decided. */
export function unrounded(call: Call): Call {
  const { body, messages } = call
  if (body === null || !hasLongNumber(body.toString('latin1'))) return call
  const json = parseUnrounded(body.toString('utf8'))
  const elements: readonly unknown[] = Array.isArray(json) ? json : [json]
  return { ...call, messages: messages.map((message, at) => withParamsOf(elements[at], message)) }
}

function withParamsOf(element: unknown, message: RpcMessage): RpcMessage {
  if (message.kind === 'response' || !isRecord(element) || !isRecord(element.params)) return message
  return { ...message, params: element.params }
}
