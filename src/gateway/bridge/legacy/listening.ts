// Owns the stream that a client opens by GET: one subscription at the peer behind it, renewed when what it asks for changes.

import { setTimeout as delay } from 'node:timers/promises'
import { LIST_CHANGES } from '../../../mcp/list-changes.ts'
import { type Peer, PeerFailure, type SubscriptionFilter, type Visitor } from '../../../mcp/peer.ts'
import { INVALID_REQUEST, type RpcNotification } from '../../../mcp/rpc.ts'
import type { Registry } from '../../../upstreams/registry.ts'
import { rpcRefusal } from '../../refusal.ts'
import type { Reply } from '../reply.ts'
import type { LegacySession } from './handle.ts'
import { type Notices, newAddress } from './notices.ts'
import type { SessionStates } from './session-states.ts'
import { canListen, filterFor } from './subscription-filter.ts'
import { notificationMessage } from './translation.ts'

export interface ListenersNeeds {
  readonly states: SessionStates
  readonly notices: Notices
  readonly report: (error: unknown) => void
  readonly registry: Pick<Registry, 'find'>
}

export interface Listeners {
  open(reply: Reply, session: LegacySession, peer: Peer, visitor: Visitor): Promise<void>
  /** The subscriptions of this session are others now. `heard` is called when the stream follows them, if there is one. */
  changed(session: string, heard: () => void): void
  /** The session has ended, or its stream is open at `by`. */
  close(session: string, by?: string): void
}

interface Listener {
  readonly id: string
  readonly reply: Reply
  readonly session: LegacySession
  readonly peer: Peer
  readonly visitor: Visitor
  /** Ends the subscription that is open at the peer. */
  current: AbortController | null
  failures: number
}

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const UPDATED = 'notifications/resources/updated'
const PASSED: ReadonlySet<string> = new Set([UPDATED, ...LIST_CHANGES.map(([, method]) => method)])
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000

export function createListeners({ states, notices, report, registry }: ListenersNeeds): Listeners {
  const listeners = new Map<string, Listener>()

  /** `former` is left when the new one was acknowledged, so that nothing falls in between. */
  async function subscribe(
    listener: Listener,
    former: AbortController | null,
    heard: () => void,
  ): Promise<void> {
    const { peer, visitor, session, reply } = listener
    const own = new AbortController()
    listener.current = own
    const { subscriptions } = await states.of(session)
    const filter = filterFor(reply.call, session.offers, subscriptions)
    const again = listener.failures > 0
    const notify = (notification: RpcNotification) => {
      if (notification.method === ACKNOWLEDGED) {
        former?.abort()
        listener.failures = 0
        heard()
        if (again && filter !== null) announceChanges(reply, filter)
      } else if (PASSED.has(notification.method)) reply.event(notificationMessage(notification))
    }
    const signal = AbortSignal.any([reply.signal, own.signal])
    if (filter !== null && !signal.aborted) await peer.listen(visitor, filter, { signal, notify })
    former?.abort()
    if (filter === null) await untilAborted(signal)
  }

  async function keepSubscribed(
    listener: Listener,
    former: AbortController | null,
    heard: () => void,
  ): Promise<void> {
    for (let previous = former; ; previous = null) {
      const subscription = subscribe(listener, previous, heard)
      const { current } = listener
      await subscription.catch((error: unknown) => {
        if (!(error instanceof PeerFailure) && !current?.signal.aborted && !listener.reply.isOver())
          report(error)
      })
      previous?.abort()
      if (current?.signal.aborted || listener.reply.isOver()) return
      // It would never be heard of again, and a client that comes back is told so.
      if (registry.find(listener.reply.call.place.resource.path) === null) return listener.reply.endEvents()
      await pause(listener)
      // Meanwhile somebody else may have taken it over.
      if (listener.current !== current || listener.reply.isOver()) return
    }
  }

  function endOf(listener: Listener): void {
    if (listeners.get(listener.session.id) === listener) listeners.delete(listener.session.id)
  }

  function close(session: string, by?: string): void {
    const listener = listeners.get(session)
    if (listener && listener.id !== by) listener.reply.endEvents()
  }

  return {
    async open(reply, session, peer, visitor) {
      if (!canListen(session.offers)) throw nothingToHear()
      close(session.id)
      const listener: Listener = {
        id: newAddress(),
        reply,
        session,
        peer,
        visitor,
        current: null,
        failures: 0,
      }
      reply.beginEvents()
      if (reply.isOver()) return
      listeners.set(session.id, listener)
      void notices.tell({ kind: 'listening', session: session.id, by: listener.id })
      reply.signal.addEventListener('abort', () => endOf(listener))
      await keepSubscribed(listener, null, () => undefined)
    },
    changed(session, heard) {
      const listener = listeners.get(session)
      if (listener) keepSubscribed(listener, listener.current, heard).catch(report)
    },
    close,
  }
}

/** While nobody listened, anything may have changed. */
function announceChanges(reply: Reply, filter: SubscriptionFilter): void {
  for (const [member, method] of LIST_CHANGES) {
    if (filter[member]) reply.event({ jsonrpc: '2.0', method })
  }
}

async function pause(listener: Listener): Promise<void> {
  const ms = Math.min(FIRST_PAUSE_MS * 2 ** listener.failures, LONGEST_PAUSE_MS)
  listener.failures++
  const signal = AbortSignal.any([
    listener.reply.signal,
    ...(listener.current ? [listener.current.signal] : []),
  ])
  await delay(ms, undefined, { signal }).catch(() => undefined)
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve(), { once: true })
  if (signal.aborted) resolve()
  await promise
}

/** MCP 2025-11-25, "Listening for Messages from the Server". */
function nothingToHear() {
  const message = 'This server has nothing to tell by itself.'
  return rpcRefusal({
    status: 405,
    reason: 'method',
    code: INVALID_REQUEST,
    message,
    headers: ['allow', 'POST, DELETE'],
  })
}
