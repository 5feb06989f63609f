// Owns what a message about tasks is judged as: whatever is done with a task takes what the tool takes that made it. Pure.

import { isRecord } from '../../mcp/rpc.ts'
import { TASK_METHOD } from '../../mcp/tasks.ts'
import type { Caller } from '../../oauth/caller.ts'
import type { Asking } from '../policy/uses.ts'
import type { TaskHandles } from './handle.ts'

/** The message with what it implies at this upstream; the same array where that is nothing. */
export type AsJudged = <A extends Asking>(
  messages: readonly A[],
  upstream: string,
  caller: Caller,
) => readonly A[]

const LISTEN = 'subscriptions/listen'
/** Each is opened. Who asks for more is refused later on, see bridge/modern/listening.ts. */
const MOST_TASKS = 256

export function createJudging(handles: TaskHandles): AsJudged {
  return (messages, upstream, caller) => {
    if (!messages.some(isAboutTasks)) return messages
    const toolOf = (handle: unknown) => handles.reveal(handle, caller, upstream)?.tool
    return messages.flatMap((message) => withTasks(message, toolOf))
  }
}

/** Whether it names tasks, or lists them. */
export function isAboutTasks({ method, params }: Asking): boolean {
  if (method === null) return false
  return method.startsWith(TASK_METHOD) || (method === LISTEN && taskIdsIn(params) !== undefined)
}

/** What listening asks for is read, one task after the other. A task that nobody knows is judged by its method alone. */
function withTasks<A extends Asking>(
  message: A,
  toolOf: (handle: unknown) => string | undefined,
): readonly A[] {
  const { method, params } = message
  if (method !== LISTEN) return [madeBy(message, toolOf(params.taskId))]
  const ids = taskIdsIn(params)
  const reads = (Array.isArray(ids) ? ids : [])
    .slice(0, MOST_TASKS)
    .map((taskId: unknown) => madeBy({ ...message, method: 'tasks/get', params: { taskId } }, toolOf(taskId)))
  return [message, ...reads]
}

function madeBy<A extends Asking>(message: A, tool: string | undefined): A {
  return tool === undefined ? message : { ...message, madeBy: tool }
}

function taskIdsIn({ notifications }: Asking['params']): unknown {
  return isRecord(notifications) ? notifications.taskIds : undefined
}
