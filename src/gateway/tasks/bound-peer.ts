// Owns that tasks at a peer are bound: their ids leave it as handles of whoever made them, and only those lead back to it.

import {
  type Peer,
  type PeerAnswer,
  PeerFailure,
  type PeerHooks,
  type PeerRequest,
  type Visitor,
} from '../../mcp/peer.ts'
import { INVALID_PARAMS, METHOD_NOT_FOUND, type RpcError } from '../../mcp/rpc.ts'
import { declaresTasks, missingTasks, namesTask, TASK_METHOD, TASK_RESULT } from '../../mcp/tasks.ts'
import { concealed } from './concealed.ts'
import type { TaskHandles } from './handle.ts'
import { hearing, underHandle } from './heard.ts'

const NOT_DECLARED = 'This client did not say that it can follow tasks.'
/** What it does may be done already, and nobody can ask what came of it. */
const BEGUN = `The server goes on with this call as a task. ${NOT_DECLARED} The call may have had an effect.`

export function boundPeer(peer: Peer, { name }: { readonly name: string }, handles: TaskHandles): Peer {
  async function requestTask(visitor: Visitor, asked: PeerRequest, hooks: PeerHooks): Promise<PeerAnswer> {
    const { taskId: handle } = asked.params
    const task = namesTask(asked.method) ? handles.reveal(handle, visitor.caller, name) : null
    if (task === null) return failed(await whyNot(visitor, asked, hooks.signal))
    if (!declaresTasks(visitor.capabilities)) return failed(missingTasks(NOT_DECLARED))
    const params = { ...asked.params, taskId: task.id }
    const answer = await peer.request(visitor, { ...asked, params }, hooks)
    if (answer.kind === 'error') return answer
    return { kind: 'result', result: underHandle(answer.result, handle) }
  }

  /** SEP-2663, "Protocol Errors", as the peer would say it: who has no tasks has no such method either. */
  async function whyNot(visitor: Visitor, { method }: PeerRequest, signal: AbortSignal): Promise<RpcError> {
    const known = namesTask(method) && declaresTasks((await peer.discover(visitor, signal)).capabilities)
    if (!known) return { code: METHOD_NOT_FOUND, message: 'Method not found' }
    if (!declaresTasks(visitor.capabilities)) return missingTasks(NOT_DECLARED)
    return { code: INVALID_PARAMS, message: 'Task not found' }
  }

  async function request(visitor: Visitor, asked: PeerRequest, hooks: PeerHooks): Promise<PeerAnswer> {
    const answer = await peer.request(visitor, asked, hooks)
    if (answer.kind === 'error' || answer.result.resultType !== TASK_RESULT) return answer
    // "Capability Negotiation": a client that did not declare tasks could do nothing with one.
    if (!declaresTasks(visitor.capabilities)) return failed(missingTasks(BEGUN))
    const conceal = concealed(handles, visitor.caller, name, asked)
    // "Supported Methods": from any other it is not a valid answer.
    if (conceal === null) throw new PeerFailure('answer')
    return { kind: 'result', result: conceal(answer.result) }
  }

  return {
    discover: (visitor, signal) => peer.discover(visitor, signal),
    request: (visitor, asked, hooks) =>
      asked.method.startsWith(TASK_METHOD)
        ? requestTask(visitor, asked, hooks)
        : request(visitor, asked, hooks),
    listen(visitor, { taskIds, ...others }, hooks) {
      if (taskIds === undefined) return peer.listen(visitor, others, hooks)
      const revealed = taskIds.map(
        (handle) => [handles.reveal(handle, visitor.caller, name)?.id, handle] as const,
      )
      const known = new Map(
        revealed.flatMap(([id, handle]) => (id === undefined ? [] : [[id, handle] as const])),
      )
      const own = known.size === 0 ? others : { ...others, taskIds: [...known.keys()] }
      return peer.listen(visitor, own, hearing(hooks, known))
    },
  }
}

function failed(error: RpcError): PeerAnswer {
  return { kind: 'error', error }
}
