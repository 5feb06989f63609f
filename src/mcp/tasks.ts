// Owns the words of tasks: the extension of 2026-07-28 (SEP-2663), and the experiment of 2025-11-25 that it replaced.

import { isRecord, type Members, MISSING_CLIENT_CAPABILITY, type RpcError } from './rpc.ts'

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks'
/** How the methods of both begin. */
export const TASK_METHOD = 'tasks/'
export const TASK_NOTIFICATION = 'notifications/tasks'
/** "Polymorphic Results": what says that a call goes on as a task. */
export const TASK_RESULT = 'task'

const METHODS: ReadonlySet<string> = new Set(['tasks/get', 'tasks/update', 'tasks/cancel'])

/** Whether it is a method of the extension, all of which name a task in `params.taskId`. */
export function namesTask(method: string): boolean {
  return METHODS.has(method)
}

/** "Capability Negotiation": of a client in each request, of a server where it is discovered. */
export function declaresTasks({ extensions }: Members): boolean {
  return isRecord(extensions) && isRecord(extensions[TASKS_EXTENSION])
}

export function missingTasks(message: string): RpcError {
  const data = { requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } }
  return { code: MISSING_CLIENT_CAPABILITY, message, data }
}
