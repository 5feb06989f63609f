// Owns where the id of a new task is hidden: in what a call of a tool is answered, on its way through or from a peer.

import { CLIENT_CAPABILITIES } from '../../mcp/meta.ts'
import { isRecord } from '../../mcp/rpc.ts'
import { declaresTasks, TASK_RESULT } from '../../mcp/tasks.ts'
import type { Caller } from '../../oauth/caller.ts'
import type { UpstreamCall } from '../call.ts'
import type { Asking } from '../policy/uses.ts'
import type { RewriteResult } from '../rewrite.ts'
import type { TaskHandles } from './handle.ts'

/** Null for a call that cannot become a task. An id that it does not find is of no use to anybody. */
export function concealed(
  handles: TaskHandles,
  caller: Caller,
  upstream: string,
  { method, params: { name: tool } }: Asking,
): RewriteResult | null {
  if (method !== 'tools/call' || typeof tool !== 'string') return null
  return (result) => {
    const { resultType, taskId: id } = result
    if (resultType !== TASK_RESULT || typeof id !== 'string') return result
    return { ...result, taskId: handles.conceal({ id, tool }, caller, upstream) }
  }
}

/** SEP-2663: only of a client that declared the extension in this very request. Null for an answer that passes as it is. */
export function taskRewrite(handles: TaskHandles, call: UpstreamCall): RewriteResult | null {
  const { modern, caller, place, messages } = call
  const [message] = messages
  if (!modern || message?.method !== 'tools/call' || !declared(message.params._meta)) return null
  return concealed(handles, caller, place.upstream.name, message)
}

function declared(meta: unknown): boolean {
  const capabilities = isRecord(meta) ? meta[CLIENT_CAPABILITIES] : null
  return isRecord(capabilities) && declaresTasks(capabilities)
}
