// Owns the explanation of what would become of a call of a tool: the decision of the edge, taken apart. Pure.

import type { Rule } from '../../oauth/policy.ts'
import { scopesCovering } from '../../oauth/tool.ts'
import { type AccessQuestion, decide } from '../access.ts'
import type { RpcMessage } from '../message.ts'
import { rulesFor } from './bounds.ts'
import { asksForArguments, describeForbidden } from './forbidden.ts'
import { judge } from './judge.ts'
import { usesOfAll } from './uses.ts'

export interface Asked extends Omit<AccessQuestion, 'messages'> {
  readonly tool: string
  /** Undefined: it was not said what they would be. */
  readonly arguments: unknown
}

export interface Explanation {
  readonly allowed: boolean
  readonly policy: {
    readonly allowed: boolean
    /** The number of the rule that decided. */
    readonly rule: number | null
    readonly text: string
  }
  readonly scope: {
    readonly allowed: boolean
    /** Any one of them is enough. */
    readonly covering: readonly string[]
    readonly text: string
  }
  /** What else is worth knowing. */
  readonly notes: readonly string[]
}

export function explain(asked: Asked): Explanation {
  const { tool, tools, upstream } = asked
  const params = { name: tool, arguments: asked.arguments ?? {} }
  const messages: readonly RpcMessage[] = [{ kind: 'request', method: 'tools/call', id: 1, params }]
  const question = { ...asked, messages }
  const policy = explainPolicy(question)
  const scope = explainScope(
    question,
    scopesCovering(tool, tools.get(tool), upstream.name, upstream.toolScopes),
  )
  return { allowed: decide(question).allowed, policy, scope, notes: notesOn(asked, question) }
}

function explainPolicy({ policy, upstream, caller, messages, tools }: AccessQuestion): Explanation['policy'] {
  if (policy === null) return { allowed: true, rule: null, text: 'there is none' }
  const rules = rulesFor(policy, upstream.name, caller)
  for (const use of usesOfAll(messages)) {
    const judgement = judge(policy, rules, use, (name) => tools.get(name)?.readOnly === true)
    const { allowed, by, rule } = judgement
    const decided = rule ? describeRule(rule) : `no rule holds, and the ${by} is ${policy.default}`
    const told = allowed ? '' : `; the app is told: ${describeForbidden({ use, judgement })}`
    return { allowed, rule: rule?.number ?? null, text: decided + told }
  }
  return { allowed: true, rule: null, text: 'it has nothing to say' }
}

function explainScope(question: AccessQuestion, covering: readonly string[]): Explanation['scope'] {
  const access = decide({ ...question, policy: null })
  const has = [...question.caller.scopes].join(' ') || 'none'
  const text = access.allowed || access.by === 'policy' ? 'one of them is there' : access.description
  return { allowed: access.allowed, covering, text: `has ${has}; needs ${covering.join(' or ')}: ${text}` }
}

function notesOn({ tool, tools, arguments: given }: Asked, question: AccessQuestion): readonly string[] {
  const facts = tools.get(tool)
  return [
    facts ? `The upstream says that it ${facts.readOnly ? 'only reads' : 'changes things'}.` : UNKNOWN,
    ...(given === undefined && asksForArguments(question) ? [CONDITIONAL] : []),
  ]
}

const UNKNOWN =
  'The upstream is not known to have this tool. If it has, it counts as one that changes things.'
const CONDITIONAL = 'Some rules depend on the arguments: say them with --arguments. Here they are empty.'

function describeRule({ number, effect, ...about }: Rule): string {
  const { upstreams, tools, methods, people, clients } = about
  const parts = [
    ['tools', tools],
    ['methods', methods],
    ['at', upstreams],
    ['for', people],
    ['by', clients],
  ] as const
  const said = parts.flatMap(([word, names]) => (names ? [`${word} ${[...names].join(', ')}`] : []))
  const condition = about.arguments ? ['with certain arguments'] : []
  return `rule ${number}: ${[effect, ...said, ...condition].join(' ')}`
}
