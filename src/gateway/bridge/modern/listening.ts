// Owns `subscriptions/listen`: a stream of what was subscribed to, each message tagged with the subscription (MCP 2026-07-28,
// basic/patterns/subscriptions.mdx).

import { SUBSCRIPTION_ID } from '../../../mcp/meta.ts'
import type { Peer, SubscriptionFilter } from '../../../mcp/peer.ts'
import { INVALID_PARAMS, isRecord, type Members, type RpcId, type RpcNotification } from '../../../mcp/rpc.ts'
import { declaresTasks, missingTasks } from '../../../mcp/tasks.ts'
import { Refusal, rpcRefusal } from '../../refusal.ts'
import { resultMessage } from '../event-text.ts'
import type { Reply } from '../reply.ts'
import type { Asked } from './envelope.ts'

/** Each is a request to the upstream. */
const MAX_URIS = 256
const MAX_URI_LENGTH = 4096

export async function serveListening(
  reply: Reply,
  peer: Peer,
  { id, visitor, request }: Asked,
): Promise<void> {
  const filter = readFilter(request.params, id)
  if (filter.taskIds !== undefined && !declaresTasks(visitor.capabilities)) throw withoutTasks(id)
  reply.sayAtEnd(() => [goodbye(id)])
  await peer.listen(visitor, filter, {
    signal: reply.signal,
    notify: (notification) => reply.event(tagged(notification, id)),
  })
  reply.finish(goodbye(id))
}

function tagged({ method, params }: RpcNotification, id: RpcId): Members {
  const meta = isRecord(params._meta) ? params._meta : {}
  return { jsonrpc: '2.0', method, params: { ...params, _meta: { ...meta, [SUBSCRIPTION_ID]: id } } }
}

/** "Graceful Closure". */
function goodbye(id: RpcId): Members {
  return resultMessage(id, { resultType: 'complete', _meta: { [SUBSCRIPTION_ID]: id } })
}

function readFilter({ notifications }: Members, id: RpcId): SubscriptionFilter {
  if (!isRecord(notifications)) throw invalid('The params have no notifications to subscribe to.', id)
  const { toolsListChanged, promptsListChanged, resourcesListChanged } = notifications
  const { resourceSubscriptions, taskIds } = notifications
  return {
    ...(toolsListChanged === true && { toolsListChanged }),
    ...(promptsListChanged === true && { promptsListChanged }),
    ...(resourcesListChanged === true && { resourcesListChanged }),
    ...(resourceSubscriptions !== undefined && {
      resourceSubscriptions: texts(resourceSubscriptions, id),
    }),
    ...(taskIds !== undefined && { taskIds: texts(taskIds, id) }),
  }
}

function texts(value: unknown, id: RpcId): readonly string[] {
  const all: readonly unknown[] = Array.isArray(value) ? value : [null]
  const short = all.filter((each) => typeof each === 'string').filter((each) => each.length <= MAX_URI_LENGTH)
  if (short.length === all.length && all.length <= MAX_URIS) return [...new Set(short)]
  throw invalid(`What to subscribe to is a list of at most ${MAX_URIS} short texts.`, id)
}

/** SEP-2663, "Task Status Notifications". */
function withoutTasks(id: RpcId): Refusal {
  const error = missingTasks('This client did not say that it can follow tasks.')
  return new Refusal({
    status: 400,
    reason: 'malformed',
    body: JSON.stringify({ jsonrpc: '2.0', id, error }),
  })
}

function invalid(message: string, id: RpcId) {
  return rpcRefusal({ status: 400, reason: 'malformed', code: INVALID_PARAMS, message, ids: [id] })
}
