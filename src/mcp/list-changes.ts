// Owns the notifications that a list has changed: what a subscription calls each, and its method.

import type { SubscriptionFilter } from './peer.ts'
import type { RpcNotification } from './rpc.ts'

export const LIST_CHANGES = [
  ['toolsListChanged', 'notifications/tools/list_changed'],
  ['promptsListChanged', 'notifications/prompts/list_changed'],
  ['resourcesListChanged', 'notifications/resources/list_changed'],
] as const

/** All that was asked for. */
export function changesFor(filter: SubscriptionFilter): readonly RpcNotification[] {
  return LIST_CHANGES.flatMap(([member, method]) => (filter[member] === true ? [{ method, params: {} }] : []))
}
