// Owns `subscriptions/listen` at a legacy upstream: what it says of its own accord, and a subscription per resource.

import type { PeerHooks, SubscriptionFilter } from '../../mcp/peer.ts'
import type { RpcNotification } from '../../mcp/rpc.ts'
import { flag } from './capabilities.ts'
import type { Session } from './session.ts'

const LISTS = [
  ['toolsListChanged', 'tools'],
  ['promptsListChanged', 'prompts'],
  ['resourcesListChanged', 'resources'],
] as const

const UPDATED = 'notifications/resources/updated'
const MAX_EARLY = 1000
/** RFC 3986 §3: what a URI goes on with behind its path, or within it. */
const INSIDE = /^[/?#]$/

/**
 * Runs until the signal aborts. Rejects with a `PeerFailure` when the upstream says nothing any more; with a `SessionLost`
 * before anything was told.
 */
export async function listenTo(
  session: Session,
  filter: SubscriptionFilter,
  hooks: PeerHooks,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  promise.catch(() => undefined)
  const early: RpcNotification[] = []
  let tell = (notification: RpcNotification): void => {
    // Before the acknowledgement nothing is told, but nothing is missed; each kind is worth telling once.
    if (early.length < MAX_EARLY) early.push(notification)
  }
  hooks.signal.addEventListener('abort', () => resolve(), { once: true })
  const heard = await session.hear()
  const wanted = wantedBy(heard ? filter : {}, session)
  const deafen = session.listen({
    notify: (notification) => isWanted(notification, wanted) && tell(notification),
    ended: reject,
  })
  const added = new Set<string>()
  try {
    for (const uri of heard ? subscribable(filter, session) : []) {
      // Each may be waited for: not for a client that has left.
      hooks.signal.throwIfAborted()
      added.add(uri)
      if (await session.subscriptions.add(uri)) wanted.add(keyOf(updated(uri)))
    }
    hooks.signal.throwIfAborted()
    hooks.notify(acknowledgement(filter, wanted))
    tell = hooks.notify
    for (const notification of early.splice(0)) tell(notification)
    await promise
  } finally {
    deafen()
    for (const uri of added) session.subscriptions.remove(uri)
  }
}

function wantedBy(filter: SubscriptionFilter, { about }: Session): Set<string> {
  const lists = LISTS.filter(
    ([name, area]) => filter[name] === true && flag(about.capabilities, area, 'listChanged'),
  )
  return new Set(lists.map(([, area]) => `notifications/${area}/list_changed`))
}

function subscribable(
  { resourceSubscriptions = [] }: SubscriptionFilter,
  { about }: Session,
): readonly string[] {
  return flag(about.capabilities, 'resources', 'subscribe') ? resourceSubscriptions : []
}

function updated(uri: unknown): RpcNotification {
  return { method: UPDATED, params: { uri } }
}

function keyOf({ method, params }: RpcNotification): string {
  return method === UPDATED ? `${method} ${params.uri}` : method
}

/** What was asked for, or something within it: "might be a sub-resource of the one that the client actually subscribed to". */
function isWanted(notification: RpcNotification, wanted: ReadonlySet<string>): boolean {
  const key = keyOf(notification)
  if (wanted.has(key)) return true
  if (notification.method !== UPDATED) return false
  return [...wanted].some(
    (each) => key.startsWith(each) && (each.endsWith('/') || INSIDE.test(key[each.length] ?? '')),
  )
}

/** MCP 2026-07-28, basic/patterns/subscriptions.mdx, "Acknowledgment": the part that the upstream can honour. */
function acknowledgement(filter: SubscriptionFilter, wanted: ReadonlySet<string>): RpcNotification {
  const lists = LISTS.filter(([, area]) => wanted.has(`notifications/${area}/list_changed`))
  const uris = (filter.resourceSubscriptions ?? []).filter((uri) => wanted.has(keyOf(updated(uri))))
  const notifications = {
    ...Object.fromEntries(lists.map(([name]) => [name, true])),
    ...(uris.length > 0 && { resourceSubscriptions: uris }),
  }
  return { method: 'notifications/subscriptions/acknowledged', params: { notifications } }
}
