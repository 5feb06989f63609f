// Owns what is heard of tasks, under the handles that were asked with. Pure.

import type { PeerHooks } from '../../mcp/peer.ts'
import { isRecord, type Members, type RpcNotification } from '../../mcp/rpc.ts'
import { TASK_NOTIFICATION } from '../../mcp/tasks.ts'

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'

/** SEP-2663, "Task Polling": the client finds the id that it knows. */
export function underHandle(result: Members, handle: unknown): Members {
  return 'taskId' in result ? { ...result, taskId: handle } : result
}

/** `known`: the handle of each task that may be heard of. Of others nothing is. */
export function hearing({ signal, notify }: PeerHooks, known: ReadonlyMap<string, string>): PeerHooks {
  return {
    signal,
    notify(notification) {
      const heard = heardOf(notification, known)
      if (heard !== null) notify(heard)
    },
  }
}

function heardOf(
  { method, params }: RpcNotification,
  known: ReadonlyMap<string, string>,
): RpcNotification | null {
  if (method === ACKNOWLEDGED) return { method, params: agreed(params, known) }
  if (method !== TASK_NOTIFICATION) return { method, params }
  const { taskId } = params
  const handle = typeof taskId === 'string' ? known.get(taskId) : undefined
  return handle === undefined ? null : { method, params: { ...params, taskId: handle } }
}

function agreed(params: Members, known: ReadonlyMap<string, string>): Members {
  const { notifications } = params
  if (!isRecord(notifications) || !Array.isArray(notifications.taskIds)) return params
  const taskIds = notifications.taskIds.flatMap((id: unknown) =>
    typeof id === 'string' ? (known.get(id) ?? []) : [],
  )
  return { ...params, notifications: { ...notifications, taskIds } }
}
