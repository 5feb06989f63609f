// Owns what a passing stream that listens is told from here: that lists have changed, and that it ends on purpose.

import { changesFor, LIST_CHANGES } from '../mcp/list-changes.ts'
import { SUBSCRIPTION_ID } from '../mcp/meta.ts'
import type { SubscriptionFilter } from '../mcp/peer.ts'
import { isRecord } from '../mcp/rpc.ts'
import type { UpstreamCall } from './call.ts'

const EVERY_LIST: SubscriptionFilter = Object.fromEntries(LIST_CHANGES.map(([member]) => [member, true]))

/** MCP 2026-07-28, Subscriptions, "Graceful Closure": the result that a subscription ends with. */
export function farewell({ method, ids: [id] }: UpstreamCall): string | null {
  if (method !== 'POST' || id === undefined) return null
  return eventOf({ jsonrpc: '2.0', id, result: { resultType: 'complete', _meta: { [SUBSCRIPTION_ID]: id } } })
}

/** A subscription has asked for some; on the stream of a legacy session any may come. */
export function listNews({ method, messages: [message], ids: [id] }: UpstreamCall): string {
  const asked =
    method === 'POST' && isRecord(message?.params.notifications) ? message.params.notifications : {}
  const params = id === undefined ? {} : { params: { _meta: { [SUBSCRIPTION_ID]: id } } }
  const changes = changesFor(method === 'POST' ? asked : EVERY_LIST)
  return changes.map(({ method: change }) => eventOf({ jsonrpc: '2.0', method: change, ...params })).join('')
}

export function lastNews(call: UpstreamCall): string {
  return listNews(call) + (farewell(call) ?? '')
}

function eventOf(message: object): string {
  return `event: message\ndata: ${JSON.stringify(message)}\n\n`
}
