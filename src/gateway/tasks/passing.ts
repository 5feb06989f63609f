// Owns tasks in what passes: which bodies and answers are written anew, so that each person has their own tasks and no others.

import { INVALID_PARAMS, isRecord, METHOD_NOT_FOUND, type Members } from '../../mcp/rpc.ts'
import { tellsPeopleApart } from '../../oauth/upstream-auth.ts'
import type { UpstreamCall } from '../call.ts'
import type { RpcMessage } from '../message.ts'
import { type Refusal, rpcRefusal } from '../refusal.ts'
import type { RewriteResult } from '../rewrite.ts'
import { taskRewrite } from './concealed.ts'
import type { TaskHandles } from './handle.ts'
import { underHandle } from './heard.ts'
import { isAboutTasks } from './judged.ts'

export interface Passing {
  readonly body: Buffer | null
  readonly rewrite: RewriteResult | null
}

/** It would list the tasks of everybody. */
const LIST = 'tasks/list'
/** Of today: nobody listens so in a session. */
const LISTEN = 'subscriptions/listen'
/** What says that a task was made, or how it stands, is a few hundred bytes; the content of a tool may have any size. */
export const LARGEST_TASK_BYTES = 64 * 1024
const RELATED = 'io.modelcontextprotocol/related-task'

/**
 * What is sent, and what becomes of the answer. Tasks of 2025-11-25 are bound like those of today, where the upstream is presented
 * one login for everybody: for it all of them belong to one and the same (Tasks, "Task Isolation and Access Control"). Throws
 * the refusal for a task that is not the caller's.
 */
export function passingTasks(handles: TaskHandles, call: UpstreamCall): Passing {
  const { modern, body, messages, place } = call
  if (modern) return { body, rewrite: taskRewrite(handles, call) }
  if (body === null || tellsPeopleApart(place.upstream.auth)) return { body, rewrite: null }
  const about = messages.find(isAboutTasks)
  if (about !== undefined) return ofOwnTask(handles, call, about)
  return { body, rewrite: rewriteFor(handles, call) }
}

/** The upstream's id in what is sent, and the handle in what is answered. */
function ofOwnTask(
  handles: TaskHandles,
  { caller, place, messages, ids }: UpstreamCall,
  about: RpcMessage,
): Passing {
  const { method, id, params } = about
  if (method === LIST || method === LISTEN) throw refused(METHOD_NOT_FOUND, 'Method not found', about)
  const task = handles.reveal(params.taskId, caller, place.upstream.name)
  const alone = messages.length === 1 && ids.length === 1
  if (task === null || !alone) throw refused(INVALID_PARAMS, 'Task not found', about)
  const own = { jsonrpc: '2.0', id, method, params: { ...params, taskId: task.id } }
  return { body: Buffer.from(JSON.stringify(own)), rewrite: (result) => relatedTo(result, params.taskId) }
}

function relatedTo(result: Members, handle: unknown): Members {
  const { _meta } = result
  if (!isRecord(_meta) || !(RELATED in _meta)) return underHandle(result, handle)
  return { ...underHandle(result, handle), _meta: { ..._meta, [RELATED]: { taskId: handle } } }
}

function rewriteFor(handles: TaskHandles, { messages, caller, place }: UpstreamCall): RewriteResult | null {
  const [message] = messages
  if (message?.method === 'initialize') return withoutTaskList
  const { name: tool, task } = message?.params ?? {}
  if (message?.method !== 'tools/call' || task === undefined || typeof tool !== 'string') return null
  return (result) => {
    const made = result.task
    if (!isRecord(made) || typeof made.taskId !== 'string') return result
    const taskId = handles.conceal({ id: made.taskId, tool }, caller, place.upstream.name)
    return { ...result, task: { ...made, taskId } }
  }
}

function withoutTaskList(result: Members): Members {
  const { capabilities } = result
  const tasks = isRecord(capabilities) ? capabilities.tasks : null
  if (!isRecord(tasks) || !('list' in tasks)) return result
  const { list: _, ...others } = tasks
  return { ...result, capabilities: { ...(isRecord(capabilities) && capabilities), tasks: others } }
}

/** "Protocol Errors": in the words of the protocol, for who asks in a session. */
function refused(code: number, message: string, { id }: RpcMessage): Refusal {
  return rpcRefusal({ status: 200, reason: 'lost', code, message, ids: id === null ? [] : [id] })
}
