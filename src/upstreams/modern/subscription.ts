// Owns what is heard of a subscription at a modern upstream (MCP 2026-07-28, basic/patterns/subscriptions.mdx).

import { SUBSCRIPTION_ID } from '../../mcp/meta.ts'
import { PeerFailure, type PeerHooks } from '../../mcp/peer.ts'
import { isRecord, type Members, type RpcNotification } from '../../mcp/rpc.ts'

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'

/** "Acknowledgment": before everything else. Who serves the client tags it with its own id. */
export function acknowledgedFirst(notify: PeerHooks['notify']): PeerHooks['notify'] {
  let acknowledged = false
  return (notification) => {
    acknowledged ||= notification.method === ACKNOWLEDGED
    if (!acknowledged) throw new PeerFailure('answer')
    notify(withoutTag(notification))
  }
}

function withoutTag({ method, params }: RpcNotification): RpcNotification {
  const { _meta, ...others } = params
  if (!isRecord(_meta)) return { method, params }
  const { [SUBSCRIPTION_ID]: _, ...kept }: Members = _meta
  return { method, params: Object.keys(kept).length > 0 ? { ...others, _meta: kept } : others }
}
