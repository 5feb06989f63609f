// Owns the decision what a caller may do at the aggregate: that of each upstream concerned, as if it were asked itself.

import type { Caller } from '../../oauth/caller.ts'
import type { Policy } from '../../oauth/policy.ts'
import { hasAnyScope, intersection, upstreamScopes } from '../../oauth/scope.ts'
import type { Tools } from '../../oauth/tool.ts'
import type { Upstream } from '../../upstreams/registry.ts'
import {
  type Access,
  type AccessQuestion,
  type Denial,
  decide,
  type Prohibition,
  type ToolsOf,
  toolsInQuestion,
} from '../access.ts'
import type { RpcMessage } from '../message.ts'
import type { AsJudged } from '../tasks/judged.ts'
import type { Route } from './route.ts'

/** A message, and where it leads. */
export interface Routed {
  readonly message: RpcMessage
  readonly route: Route
}

export interface AggregateQuestion {
  readonly caller: Caller
  readonly policy: Policy | null
  readonly upstreams: readonly Upstream[]
  readonly routed: readonly Routed[]
  readonly toolsOf: ToolsOf
  readonly judged: AsJudged
}

type Refused = Denial | Prohibition

const ALLOWED: Access = { allowed: true }
const NO_TOOLS: Tools = new Map()

/**
 * Every scope that is missing is named at once, whichever upstream it belongs to, and those that are granted with them: a
 * client that asks for what the challenge says and no more would lose its other upstreams each time that it needs one
 * (MCP 2025-11-25, "Runtime Insufficient Scope Errors"; clients of 2026-07-28 ask for both anyway).
 */
export async function decideAggregate(question: AggregateQuestion): Promise<Access> {
  const { caller, upstreams, routed } = question
  const access =
    routed.length === 0
      ? decideAny(question, [])
      : every(await Promise.all(routed.map((each) => decideOne(each, question))))
  if (!isDenial(access)) return access
  const granted = upstreams.flatMap(upstreamScopes).filter((scope) => caller.scopes.has(scope))
  return { ...access, needed: broadest([...granted, ...access.needed]) }
}

/** What the audit learns: the upstreams concerned, and the messages as these understand them. */
export function inOwnWords(
  routed: readonly Routed[],
  caller: Caller,
  upstreams: readonly Upstream[],
  judged: AsJudged,
): { readonly upstreams: readonly string[]; readonly messages: readonly RpcMessage[] } {
  const used = upstreams.filter((upstream) => hasAnyScope(caller.scopes, upstream))
  const concerned = routed.flatMap(({ route }) => {
    if (route.kind === 'each') return route.parts.map(({ upstream }) => upstream)
    return route.kind === 'all' ? used : []
  })
  const messages = routed.map(({ message, route }) => {
    const [part] = route.kind === 'each' ? route.parts : []
    if (!part) return message
    const own = { ...message, params: part.params }
    return judged([own], part.upstream.name, caller)[0] ?? own
  })
  return { upstreams: [...new Set(concerned)].map(({ name }) => name), messages }
}

/** Whether an upstream is one of those that something is asked of in this caller's name, when all are asked. */
export function mayAsk(
  asking: Pick<AccessQuestion, 'caller' | 'policy' | 'upstream'>,
  method: string,
): boolean {
  const messages: readonly RpcMessage[] = [{ kind: 'request', method, id: 0, params: {} }]
  return decide({ ...asking, messages, tools: NO_TOOLS }).allowed
}

async function decideOne({ message, route }: Routed, question: AggregateQuestion): Promise<Access> {
  const { caller, policy, toolsOf, judged } = question
  if (route.kind !== 'each') return decideAny(question, route.kind === 'all' ? [message] : [])
  return every(
    await Promise.all(
      route.parts.map(async ({ upstream, params }) => {
        const messages = judged([{ ...message, params }], upstream.name, caller)
        const part = { caller, policy, upstream, messages }
        const asked = toolsInQuestion(part)
        return decide({
          ...part,
          tools: asked.length === 0 ? NO_TOOLS : await toolsOf(upstream, asked, caller),
        })
      }),
    ),
  )
}

/** One that may be asked is enough. Otherwise those count where the caller has something, before those where it has nothing. */
function decideAny(
  { caller, policy, upstreams }: AggregateQuestion,
  messages: readonly RpcMessage[],
): Access {
  const used = upstreams.filter((upstream) => hasAnyScope(caller.scopes, upstream))
  const decided = (used.length === 0 ? upstreams : used).map((upstream) =>
    decide({ caller, policy, upstream, messages, tools: NO_TOOLS }),
  )
  if (decided.some(({ allowed }) => allowed)) return ALLOWED
  const denied = decided.filter(isDenial)
  return every(denied.length > 0 ? denied : decided)
}

/** What nothing helps against comes first; then all scopes that would help. */
function every(decided: readonly Access[]): Access {
  const refused = decided.filter((access): access is Refused => !access.allowed)
  const forbidden = refused.find(({ by }) => by === 'policy')
  const [first, ...others] = refused.filter(isDenial)
  if (forbidden) return forbidden
  return first === undefined ? ALLOWED : united(first, others)
}

function isDenial(access: Access): access is Denial {
  return !access.allowed && access.by === 'scope'
}

function united(first: Denial, others: readonly Denial[]): Denial {
  return { ...first, needed: broadest([first, ...others].flatMap(({ needed }) => needed)) }
}

/** Without the scopes that another one includes. */
function broadest(scopes: readonly string[]): readonly string[] {
  const all = new Set(scopes)
  return [...intersection(all, all)]
}
