// Owns one subscription to several upstreams: acknowledged once, heard as one, taken up again with whoever was away.

import { setTimeout as delay } from 'node:timers/promises'
import { LIST_CHANGES } from '../../mcp/list-changes.ts'
import type { PeerHooks, SubscriptionFilter, Visitor } from '../../mcp/peer.ts'
import { isRecord, type Members, type RpcNotification } from '../../mcp/rpc.ts'
import { TASK_NOTIFICATION } from '../../mcp/tasks.ts'
import { upstreamOfTask } from '../tasks/handle.ts'
import type { Member } from './member.ts'
import { shownNotification } from './shown.ts'
import { readUri, shownUri } from './uris.ts'

export interface ListenNeeds {
  readonly visitor: Visitor
  readonly filter: SubscriptionFilter
  readonly hooks: PeerHooks
  /** How long the lists wait for those that have not answered. */
  readonly limitMs: number
}

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const UPDATED = 'notifications/resources/updated'
/** How long the acknowledgement waits for those that have not answered: clients do nothing else before it comes. */
const MOST_ACKNOWLEDGING_MS = 1_000
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000
/** Of what comes before everybody has acknowledged. */
const MOST_WAITING = 256

/** What one upstream was asked to tell, and what it agreed to so far. */
interface Ear {
  readonly member: Member
  readonly filter: SubscriptionFilter
  agreed: Members | null
}

/** Resolves when nobody listens any more. */
export async function listenToAll(members: readonly Member[], needs: ListenNeeds): Promise<void> {
  const { hooks, filter, limitMs } = needs
  const ears = members.flatMap((member) => earFor(member, filter))
  let waiting: RpcNotification[] | null = []

  function tell(notification: RpcNotification): void {
    if (waiting === null) hooks.notify(notification)
    else if (waiting.length < MOST_WAITING) waiting.push(notification)
  }

  function acknowledge(): void {
    if (waiting === null || hooks.signal.aborted) return
    hooks.notify({ method: ACKNOWLEDGED, params: { notifications: agreedByAll(ears, filter) } })
    const held = waiting
    waiting = null
    for (const notification of held) hooks.notify(notification)
  }

  const patience = setTimeout(acknowledge, Math.min(limitMs, MOST_ACKNOWLEDGING_MS))
  const acknowledgeOnce = () => ears.every(({ agreed }) => agreed !== null) && acknowledge()
  try {
    if (ears.length === 0) acknowledge()
    await Promise.all([
      ...ears.map((ear) => keepListening(ear, needs, tell, acknowledgeOnce)),
      untilAborted(hooks.signal),
    ])
  } finally {
    clearTimeout(patience)
  }
}

/** Nothing for an upstream of which nothing was asked. */
function earFor(member: Member, filter: SubscriptionFilter): readonly Ear[] {
  const { resourceSubscriptions = [], taskIds = [], ...changes } = filter
  const { name } = member.upstream
  const tasks = taskIds.filter((handle) => upstreamOfTask(handle) === name)
  const uris = resourceSubscriptions
    .map(readUri)
    .flatMap((read) => (read?.upstream === name ? [read.uri] : []))
  const own = {
    ...changes,
    ...(uris.length > 0 && { resourceSubscriptions: uris }),
    ...(tasks.length > 0 && { taskIds: tasks }),
  }
  return Object.keys(own).length === 0 ? [] : [{ member, filter: own, agreed: null }]
}

/** An upstream that comes back may have changed in the meantime, and one that answers late was missing from the lists: which is said once. */
async function keepListening(
  ear: Ear,
  { visitor, hooks, limitMs }: ListenNeeds,
  tell: (notification: RpcNotification) => void,
  agreed: () => void,
): Promise<void> {
  const { member, filter } = ear
  const upstream = member.upstream.name
  let pauseMs = FIRST_PAUSE_MS
  const began = performance.now()
  let wasAway = false

  function hear(notification: RpcNotification): void {
    if (notification.method !== ACKNOWLEDGED) {
      if (isAgreed(ear, notification)) tell(shownNotification(upstream, notification))
      return
    }
    const { notifications } = notification.params
    ear.agreed = isRecord(notifications) ? notifications : {}
    pauseMs = FIRST_PAUSE_MS
    agreed()
    if (wasAway || performance.now() - began > limitMs) for (const change of changesIn(ear)) tell(change)
  }

  while (!hooks.signal.aborted) {
    await member.peer
      .listen(visitor, filter, { signal: hooks.signal, notify: hear })
      // Down, or gone half-way: the others go on, and so does this one when it is back.
      .catch(() => undefined)
    if (isSilent(ear)) return
    wasAway = true
    await delay(pauseMs, undefined, { signal: hooks.signal }).catch(() => undefined)
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
  }
}

/** It answered, and will never say anything: to ask it again is of no use. */
function isSilent({ agreed }: Ear): boolean {
  return agreed !== null && Object.values(agreed).every((each) => each === false)
}

function isAgreed({ agreed }: Ear, { method, params }: RpcNotification): boolean {
  if (agreed === null) return false
  if (method === UPDATED) return typeof params.uri === 'string'
  // Which it may be told of was seen to where its id became the client's.
  if (method === TASK_NOTIFICATION) return true
  return LIST_CHANGES.some(([member, change]) => change === method && agreed[member] === true)
}

function changesIn({ agreed }: Ear): readonly RpcNotification[] {
  return LIST_CHANGES.flatMap(([member, method]) =>
    agreed?.[member] === true ? [{ method, params: {} }] : [],
  )
}

/**
 * Every change of a list that was asked for, because the upstreams themselves can change; of resources, those that their
 * upstream agreed to. Who has not answered yet is taken at its word: it is asked again until it does.
 */
function agreedByAll(ears: readonly Ear[], asked: SubscriptionFilter): Members {
  const said = ears.map((ear): { readonly ear: Ear; readonly agreed: Members } => ({
    ear,
    agreed: ear.agreed ?? { ...ear.filter },
  }))
  const uris = said.flatMap(({ ear, agreed }) =>
    textsIn(agreed.resourceSubscriptions).map((uri) => shownUri(ear.member.upstream.name, uri)),
  )
  const tasks = said.flatMap(({ agreed }) => textsIn(agreed.taskIds))
  return {
    ...Object.fromEntries(LIST_CHANGES.filter(([member]) => asked[member]).map(([member]) => [member, true])),
    ...(uris.length > 0 && { resourceSubscriptions: uris }),
    ...(tasks.length > 0 && { taskIds: tasks }),
  }
}

function textsIn(values: unknown): readonly string[] {
  return Array.isArray(values) ? values.filter((value) => typeof value === 'string') : []
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
