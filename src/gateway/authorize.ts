// Owns the step that authorizes a call: what the scopes and the policy say, at one upstream or at those that a call concerns.

import type { Caller } from '../oauth/caller.ts'
import type { Policy } from '../oauth/policy.ts'
import type { StandingPolicy } from '../oauth/standing-policy.ts'
import type { Tools } from '../oauth/tool.ts'
import type { AggregatePlace, Place, Upstream } from '../upstreams/registry.ts'
import { type Access, decide, insufficientScope, type ToolsOf, toolsInQuestion } from './access.ts'
import type { Aggregate } from './aggregate/aggregate.ts'
import { inOwnWords, type Routed } from './aggregate/decide.ts'
import { tooLarge } from './body.ts'
import { refusalFor } from './bridge/failure.ts'
import type { Visit } from './call-event.ts'
import { type MessageLimits, type RpcMessage, requestIds } from './message.ts'
import { asksForDepth, policyRefusal } from './policy/forbidden.ts'
import { refuseRepeatedMembers } from './policy/unambiguous.ts'
import type { AsJudged } from './tasks/judged.ts'

export interface AuthorizeNeeds {
  readonly policy: Pick<StandingPolicy, 'current'>
  readonly aggregate: Aggregate
  readonly judged: AsJudged
  readonly toolsOf: ToolsOf
  readonly onStepUp?: (grantId: string) => void
  readonly report: (error: unknown) => void
  readonly limits: MessageLimits
}

export interface Authorizing {
  readonly caller: Caller
  readonly place: Place
  readonly messages: readonly RpcMessage[]
  /** What was posted. */
  readonly body: Buffer | null
}

/** What the visit is found to be about. */
export type Concern = Pick<Visit, 'upstreams' | 'messages'>

/**
 * Throws the refusal (403) that names what is missing, or null when nothing is; a promise of the same when somebody has to be
 * asked. `noticed` is told what the call turned out to be about.
 */
export type Authorize = (asking: Authorizing, noticed: Noticed) => Promise<null> | null

type Noticed = { -readonly [Fact in keyof Concern]: Concern[Fact] }

const NO_TOOLS: Tools = new Map()

export function createAuthorize(needs: AuthorizeNeeds): Authorize {
  const { aggregate, toolsOf, onStepUp, report, limits } = needs

  function decideOne(upstream: Upstream, asking: Authorizing, noticed: Noticed): Access | Promise<Access> {
    const { caller, body } = asking
    const messages = needs.judged(asking.messages, upstream.name, caller)
    if (messages.length === asking.messages.length) noticed.messages = messages
    const question = { caller, policy: needs.policy.current(), upstream, messages }
    if (body !== null && asksForDepth(question)) refuseRepeatedMembers(body, limits)
    const asked = toolsInQuestion(question)
    const tools = asked.length === 0 ? NO_TOOLS : toolsOf(upstream, asked, caller)
    if (tools instanceof Promise) return tools.then((told) => decide({ ...question, tools: told }))
    return decide({ ...question, tools })
  }

  async function decideSeveral(
    place: AggregatePlace,
    { caller, messages, body }: Authorizing,
    noticed: Noticed,
  ): Promise<Access> {
    const routed = await aggregate.route(place, caller, messages).catch((error: unknown) => {
      throw refusalFor(error, requestIds(messages), report)
    })
    Object.assign(noticed, inOwnWords(routed, caller, place.upstreams, needs.judged))
    const policy = needs.policy.current()
    if (body !== null) for (const each of routed) checkBody(policy, caller, body, each)
    return aggregate.decide(place, policy, caller, routed)
  }

  /** What is known of an upstream's own bodies before they are read is known here only when it has been. */
  function checkBody(policy: Policy | null, caller: Caller, body: Buffer, { message, route }: Routed): void {
    if (route.kind !== 'each') return
    for (const { upstream, params } of route.parts) {
      const most = upstream.limits.maxBodyBytes
      if (most !== null && body.length > most) throw tooLarge(most)
      const question = { caller, policy, upstream, messages: [{ ...message, params }] }
      if (asksForDepth(question)) refuseRepeatedMembers(body, limits)
    }
  }

  function conclude(access: Access, { caller, place, messages }: Authorizing): null {
    if (access.allowed) return null
    if (access.by === 'policy') throw policyRefusal(access.forbidden, messages)
    if (caller.grantId !== null) onStepUp?.(caller.grantId)
    throw insufficientScope(access, place.resource, messages)
  }

  return (asking, noticed) => {
    const { place } = asking
    const access =
      place.kind === 'aggregate'
        ? decideSeveral(place, asking, noticed)
        : decideOne(place.upstream, asking, noticed)
    if (access instanceof Promise) return access.then((decided) => conclude(decided, asking))
    return conclude(access, asking)
  }
}
