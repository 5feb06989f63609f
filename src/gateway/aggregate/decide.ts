// Owns the decision what a caller may do at the aggregate: that of each upstream concerned, as if it were asked itself.

import type { Caller } from '../../oauth/caller.ts'
import { hasAnyScope, intersection } from '../../oauth/scope.ts'
import type { Tools } from '../../oauth/tool.ts'
import type { Upstream } from '../../upstreams/registry.ts'
import { type Access, type Denial, decide, toolsInQuestion } from '../access.ts'
import type { RpcMessage } from '../message.ts'
import type { Route } from './route.ts'

/** A message, and where it leads. */
export interface Routed {
  readonly message: RpcMessage
  readonly route: Route
}

export interface AggregateQuestion {
  readonly caller: Caller
  readonly upstreams: readonly Upstream[]
  readonly routed: readonly Routed[]
  readonly toolsOf: (upstream: Upstream, asked: readonly string[]) => Promise<Tools>
}

const ALLOWED: Access = { allowed: true }
const NO_TOOLS: Tools = new Map()

/** Every scope that is missing is named at once, whichever upstream it belongs to (MCP, "Runtime Insufficient Scope Errors"). */
export async function decideAggregate(question: AggregateQuestion): Promise<Access> {
  const { caller, upstreams, routed } = question
  if (routed.length === 0) return decideAny(caller, upstreams, [])
  const decided = await Promise.all(routed.map((each) => decideOne(each, question)))
  const [first, ...others] = decided.filter((access) => !access.allowed)
  return first === undefined ? ALLOWED : united(first, others)
}

/** What the audit learns: the upstreams concerned, and the messages as these understand them. */
export function inOwnWords(
  routed: readonly Routed[],
  caller: Caller,
  upstreams: readonly Upstream[],
): { readonly upstreams: readonly string[]; readonly messages: readonly RpcMessage[] } {
  const used = upstreams.filter((upstream) => hasAnyScope(caller.scopes, upstream))
  const concerned = routed.flatMap(({ route }) => {
    if (route.kind === 'each') return route.parts.map(({ upstream }) => upstream)
    return route.kind === 'all' ? used : []
  })
  const messages = routed.map(({ message, route }) => {
    const [part] = route.kind === 'each' ? route.parts : []
    return part ? { ...message, params: part.params } : message
  })
  return { upstreams: [...new Set(concerned)].map(({ name }) => name), messages }
}

/** The upstreams that the caller may ask this; for what is asked of all. */
export function askable(caller: Caller, upstreams: readonly Upstream[], method: string): readonly Upstream[] {
  const messages: readonly RpcMessage[] = [{ kind: 'request', method, id: 0, params: {} }]
  return upstreams.filter((upstream) => decide({ caller, upstream, messages, tools: NO_TOOLS }).allowed)
}

async function decideOne({ message, route }: Routed, question: AggregateQuestion): Promise<Access> {
  const { caller, upstreams, toolsOf } = question
  if (route.kind !== 'each') return decideAny(caller, upstreams, route.kind === 'all' ? [message] : [])
  const decided = await Promise.all(
    route.parts.map(async ({ upstream, params }) => {
      const part = { caller, upstream, messages: [{ ...message, params }] }
      const asked = toolsInQuestion(part)
      return decide({ ...part, tools: asked.length === 0 ? NO_TOOLS : await toolsOf(upstream, asked) })
    }),
  )
  const [first, ...others] = decided.filter((access) => !access.allowed)
  return first === undefined ? ALLOWED : united(first, others)
}

/** One that may be asked is enough. Otherwise those count where the caller has something, before those where it has nothing. */
function decideAny(caller: Caller, upstreams: readonly Upstream[], messages: readonly RpcMessage[]): Access {
  const ask = (upstream: Upstream) => decide({ caller, upstream, messages, tools: NO_TOOLS })
  const used = upstreams.filter((upstream) => hasAnyScope(caller.scopes, upstream))
  const decided = (used.length === 0 ? upstreams : used).map(ask)
  const [first, ...others] = decided.filter((access) => !access.allowed)
  return first === undefined || others.length + 1 < decided.length ? ALLOWED : united(first, others)
}

/** Without the scopes that a broader one includes. */
function united(first: Denial, others: readonly Denial[]): Denial {
  const needed = new Set([first, ...others].flatMap((denial) => denial.needed))
  return { ...first, needed: [...intersection(needed, needed)] }
}
