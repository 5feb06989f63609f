// Owns what the operator's policy forbids of a call, and the words for it: more scope would not help, so none is asked for.

import type { Policy } from '../../oauth/policy.ts'
import { type RpcMessage, requestIds } from '../message.ts'
import { type Refusal, rpcRefusal } from '../refusal.ts'
import { boundsOf, rulesFor, type Who } from './bounds.ts'
import { isAbout, type Judgement, judge } from './judge.ts'
import { type Asking, type Use, usesOfAll } from './uses.ts'

export interface Forbidden {
  readonly use: Use
  readonly judgement: Judgement
}

export interface PolicyQuestion {
  readonly policy: Policy | null
  readonly upstream: { readonly name: string }
  readonly caller: Who
  readonly messages: readonly Asking[]
}

/** The first use of the messages that is not allowed; null when all are. */
export function findForbidden(
  { policy, upstream, caller, messages }: PolicyQuestion,
  isReadOnly: (tool: string) => boolean,
): Forbidden | null {
  if (policy === null) return null
  const rules = rulesFor(policy, upstream.name, caller)
  for (const use of usesOfAll(messages)) {
    const judgement = judge(policy, rules, use, isReadOnly)
    if (!judgement.allowed) return { use, judgement }
  }
  return null
}

/** Whether it matters which tools only read. */
export function asksWhatReads({ policy, upstream, caller }: Omit<PolicyQuestion, 'messages'>): boolean {
  return policy !== null && boundsOf(policy, upstream.name, caller).askWhatReads
}

/** Whether it matters what the arguments of these messages say. */
export function asksForArguments({ policy, upstream, caller, messages }: PolicyQuestion): boolean {
  if (policy === null) return false
  const { rules, haveConditions } = boundsOf(policy, upstream.name, caller)
  if (!haveConditions) return false
  const called = usesOfAll(messages).filter(({ kind }) => kind === 'tool')
  return rules.some((rule) => rule.arguments !== null && called.some((use) => isAbout(rule, use)))
}

/** What these say in objects of their params: which prompt, and which resources. */
const NESTED: ReadonlySet<string | null> = new Set(['completion/complete', 'subscriptions/listen'])

/** Whether it matters what is deeper in these messages than the members of their params. */
export function asksForDepth(question: PolicyQuestion): boolean {
  if (question.policy === null) return false
  return question.messages.some(({ method }) => NESTED.has(method)) || asksForArguments(question)
}

/** A short name that can be repeated in one line. */
const PLAIN_NAME = /^[\w./-]{1,128}$/

/** For the client, and for whoever reads what it says. */
export function describeForbidden({ use, judgement }: Forbidden): string {
  const subject = subjectOf(use)
  const reason = judgement.rule?.reason
  if (reason) return `${subject} is not allowed here. ${reason}`
  switch (judgement.by) {
    case 'unknown method':
      return `${subject} is not allowed here: MCP has no such method, and the policy of this service does not allow it.`
    case 'ambiguous URI':
      return `${subject} is not allowed here: write its URI without dot segments and control characters.`
    case 'malformed arguments':
      return `${subject} is not allowed here: its arguments cannot be judged. They have to be an object, and short where a rule has a pattern.`
    default:
      return `${subject} is not allowed here${conditionOf(judgement)}: the policy of this service denies it.`
  }
}

function conditionOf({ rule }: Judgement): string {
  if (rule?.effect === 'read-only') return ', where only what reads is'
  return rule?.arguments ? ' with these arguments' : ''
}

function subjectOf({ kind, name }: Use): string {
  const noun = { tool: 'tool', prompt: 'prompt', resource: 'resource', method: 'method' }[kind]
  if (!PLAIN_NAME.test(name)) return `This ${noun}`
  return `${noun[0]?.toUpperCase()}${noun.slice(1)} ${name}`
}

/** 403 as for a scope that is missing, but without a challenge: a client that signed in again would get no further. */
export function policyRefusal(forbidden: Forbidden, messages: readonly RpcMessage[]): Refusal {
  return rpcRefusal({
    status: 403,
    reason: 'policy',
    code: 403,
    message: describeForbidden(forbidden),
    ids: requestIds(messages),
  })
}
