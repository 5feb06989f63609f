// Owns the text of messages in a stream of events.

import type { Members, RpcId } from '../../mcp/rpc.ts'
import type { Refusal } from '../refusal.ts'

export function eventText(message: unknown, id?: string): string {
  return `event: message\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(message)}\n\n`
}

/** The same words as in an answer of its own, one event per request. */
export function refusalText({ body }: Refusal): string {
  const said: unknown = JSON.parse(body)
  const messages: readonly unknown[] = Array.isArray(said) ? said : [said]
  return messages.map((message) => eventText(message)).join('')
}

/** JSON-RPC 2.0 §5. */
export function resultMessage(id: RpcId, result: Members): Members {
  return { jsonrpc: '2.0', id, result }
}
