// Owns the kinds of messages that a legacy upstream sends.

import { PeerFailure } from '../../mcp/peer.ts'
import { isRecord, isRpcId, type Members, type RpcError, type RpcId } from '../../mcp/rpc.ts'

export type Answer =
  | { readonly kind: 'result'; readonly result: Members }
  | { readonly kind: 'error'; readonly error: RpcError }

export type UpstreamMessage =
  | { readonly kind: 'request'; readonly id: RpcId; readonly method: string; readonly params: Members }
  | { readonly kind: 'notification'; readonly method: string; readonly params: Members }
  | { readonly kind: 'answer'; readonly id: RpcId; readonly answer: Answer | PeerFailure }
  /** Nothing that says whom it is for. */
  | { readonly kind: 'none' }

export function readMessage(message: Members): UpstreamMessage {
  const { id, method } = message
  const params = isRecord(message.params) ? message.params : {}
  if (typeof method === 'string') {
    return isRpcId(id) ? { kind: 'request', id, method, params } : { kind: 'notification', method, params }
  }
  return isRpcId(id) ? { kind: 'answer', id, answer: readAnswer(message) } : { kind: 'none' }
}

function readAnswer({ result, error }: Members): Answer | PeerFailure {
  if (isRecord(result)) return { kind: 'result', result }
  const read = readError(error)
  return read === null ? new PeerFailure('answer') : { kind: 'error', error: read }
}

function readError(error: unknown): RpcError | null {
  if (!isRecord(error)) return null
  const { code, message, data } = error
  if (typeof code !== 'number' || !Number.isInteger(code) || typeof message !== 'string') return null
  return { code, message, ...(data !== undefined && { data }) }
}
