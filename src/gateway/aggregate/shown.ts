// Owns what an upstream says, in the aggregate's words: its names and URIs wherever the protocol has one.

import { SERVER_INFO } from '../../mcp/meta.ts'
import { isRecord, type Members, type RpcError, type RpcNotification } from '../../mcp/rpc.ts'
import { TASK_NOTIFICATION } from '../../mcp/tasks.ts'
import { shownName } from './names.ts'
import { shownUri } from './uris.ts'

type Show = (upstream: string, value: Members) => Members

/** Who answers, whichever upstream it was. */
export const AGGREGATE_INFO: Members = { name: 'gatehouse', title: 'Gatehouse', version: '1' }

/** The items of the four lists. */
export const shownTool: Show = (upstream, tool) => ({
  ...withName(upstream, tool),
  ...(isRecord(tool._meta) && { _meta: shownToolMeta(upstream, tool._meta) }),
})
export const shownPrompt: Show = withName
export const shownResource: Show = (upstream, resource) => withUri(upstream, resource, 'uri')
export const shownTemplate: Show = (upstream, template) => withUri(upstream, template, 'uriTemplate')

const RESULTS: ReadonlyMap<string, Show> = new Map<string, Show>([
  ['tools/call', (upstream, result) => withEach(upstream, result, 'content', shownBlock)],
  ['prompts/get', (upstream, result) => withEach(upstream, result, 'messages', shownMessage)],
  ['resources/read', (upstream, result) => shownContents(upstream, result)],
  ['tasks/get', shownTask],
])

/** Only what is complete names anything; what asks for input is the client's affair. */
export function shownResult(upstream: string, method: string, result: Members): Members {
  const show = result.resultType === 'complete' ? RESULTS.get(method) : undefined
  const shown = show ? show(upstream, result) : result
  return { ...shown, _meta: { ...(isRecord(result._meta) && result._meta), [SERVER_INFO]: AGGREGATE_INFO } }
}

/** MCP 2026-07-28, server/resources.mdx, "Error Handling": the URI that was not found. */
export function shownError(upstream: string, error: RpcError): RpcError {
  return isRecord(error.data) ? { ...error, data: withUri(upstream, error.data, 'uri') } : error
}

export function shownNotification(upstream: string, { method, params }: RpcNotification): RpcNotification {
  if (method === 'notifications/resources/updated')
    return { method, params: withUri(upstream, params, 'uri') }
  if (method === TASK_NOTIFICATION) return { method, params: shownTask(upstream, params) }
  if (method !== 'notifications/message') return { method, params }
  const logger = typeof params.logger === 'string' ? `${upstream}: ${params.logger}` : upstream
  return { method, params: { ...params, logger } }
}

/** SEP-2663, "Task Polling": with what the call would have been answered. */
function shownTask(upstream: string, task: Members): Members {
  if (!isRecord(task.result)) return task
  return { ...task, result: withEach(upstream, task.result, 'content', shownBlock) }
}

function shownContents(upstream: string, result: Members): Members {
  const contents = withEach(upstream, result, 'contents', shownResource)
  return { ...contents, ttlMs: ttlOf(result), cacheScope: 'private' }
}

/** MCP 2026-07-28, server/utilities/caching.mdx: whole milliseconds, and none where an upstream says something else. */
export function ttlOf({ ttlMs }: Members): number {
  return typeof ttlMs === 'number' && Number.isSafeInteger(ttlMs) && ttlMs > 0 ? ttlMs : 0
}

function shownMessage(upstream: string, message: Members): Members {
  const { content } = message
  if (isRecord(content)) return { ...message, content: shownBlock(upstream, content) }
  return withEach(upstream, message, 'content', shownBlock)
}

function shownBlock(upstream: string, block: Members): Members {
  if (block.type === 'resource_link') return withUri(upstream, block, 'uri')
  if (block.type !== 'resource' || !isRecord(block.resource)) return block
  return { ...block, resource: withUri(upstream, block.resource, 'uri') }
}

/** MCP Apps: the resource that shows what the tool answers, in the present and the earlier spelling. */
function shownToolMeta(upstream: string, meta: Members): Members {
  const earlier = withUri(upstream, meta, 'ui/resourceUri')
  return isRecord(meta.ui) ? { ...earlier, ui: withUri(upstream, meta.ui, 'resourceUri') } : earlier
}

function withName(upstream: string, item: Members): Members {
  return typeof item.name === 'string' ? { ...item, name: shownName(upstream, item.name) } : item
}

function withUri(upstream: string, item: Members, member: string): Members {
  const uri = item[member]
  return typeof uri === 'string' ? { ...item, [member]: shownUri(upstream, uri) } : item
}

function withEach(upstream: string, result: Members, member: string, show: Show): Members {
  const items = result[member]
  if (!Array.isArray(items)) return result
  return { ...result, [member]: items.map((item: unknown) => (isRecord(item) ? show(upstream, item) : item)) }
}
