// Owns the judgement of the operator's policy about one use: pure, total, and with the rule that decided.

import { isRecord } from '../../mcp/rpc.ts'
import type { Effect, Policy, Rule } from '../../oauth/policy.ts'
import { matchesAny } from './bounds.ts'
import { isAmbiguousUri, plainPatterns, plainUri } from './spellings.ts'
import { ANY_ARGUMENTS, isKnownMethod, isReadingMethod, type Use } from './uses.ts'

export interface Judgement {
  readonly allowed: boolean
  readonly by:
    | 'rule'
    | 'default'
    | 'unknown method'
    /** A method of the protocol that no rule names: it uses nothing by itself. */
    | 'protocol'
    /** Two readers could take the URI for two resources. */
    | 'ambiguous URI'
    /** Conditions are about members, and the arguments have none; or too much in them. */
    | 'malformed arguments'
  readonly rule: Rule | null
}

const plainOnes = new WeakMap<readonly Rule[], readonly Rule[]>()

/**
 * The first rule that holds decides. It is not the most specific one, because of two rules anybody can see which comes first.
 * `rules`: as `rulesFor` gives them. `isReadOnly`: whether the upstream says so of the tool.
 */
export function judge(
  policy: Policy,
  rules: readonly Rule[],
  use: Use,
  isReadOnly: (tool: string) => boolean,
): Judgement {
  const asWritten = judgeAs(policy, rules, use, isReadOnly)
  if (!asWritten.allowed || use.kind !== 'resource' || !nameResources(rules)) return asWritten
  if (isAmbiguousUri(use.name)) return { allowed: false, by: 'ambiguous URI', rule: null }
  // One resource has many spellings (`FILE:///a`, `file://localhost/%61`). What is allowed is so in its plain one, too.
  const plain = judgeAs(policy, plainRules(rules), { ...use, name: plainUri(use.name) }, isReadOnly)
  return plain.allowed ? asWritten : plain
}

function judgeAs(
  policy: Policy,
  rules: readonly Rule[],
  use: Use,
  isReadOnly: (tool: string) => boolean,
): Judgement {
  const permits = (effect: Effect) =>
    effect === 'allow' || (effect === 'read-only' && isReading(use, isReadOnly))
  for (const rule of rules) {
    if (!isAbout(rule, use)) continue
    const holds = conditionHolds(rule, use, permits(rule.effect))
    if (holds === 'malformed') return { allowed: false, by: 'malformed arguments', rule }
    if (holds) return { allowed: permits(rule.effect), by: 'rule', rule }
  }
  return otherwise(policy, use, permits)
}

function otherwise(policy: Policy, { kind, method }: Use, permits: (effect: Effect) => boolean): Judgement {
  if (kind !== 'method') return { allowed: permits(policy.default), by: 'default', rule: null }
  if (isKnownMethod(method)) return { allowed: true, by: 'protocol', rule: null }
  return { allowed: policy.unknownMethods === 'allow', by: 'unknown method', rule: null }
}

/** A rule that names nothing is about all that can be used, but not about the methods by which clients find that. */
export function isAbout({ tools, prompts, resources, methods }: Rule, { kind, name, method }: Use): boolean {
  if (methods && matchesAny(methods, method)) return true
  const named = kind === 'tool' ? tools : kind === 'prompt' ? prompts : kind === 'resource' ? resources : null
  if (named) return matchesAny(named, name)
  return kind !== 'method' && !tools && !prompts && !resources && !methods
}

/** For a list: it holds if it would let some arguments pass, and is looked past if it would not. */
function conditionHolds({ arguments: condition }: Rule, use: Use, allows: boolean): boolean | 'malformed' {
  if (condition === null) return true
  if (use.arguments === ANY_ARGUMENTS) return allows
  return (isRecord(use.arguments) ? condition(use.arguments) : null) ?? 'malformed'
}

function isReading({ kind, name, method }: Use, isReadOnly: (tool: string) => boolean): boolean {
  if (kind === 'tool') return isReadOnly(name)
  return kind === 'method' ? isReadingMethod(method) : true
}

function nameResources(rules: readonly Rule[]): boolean {
  return rules.some(({ resources }) => resources !== null)
}

/** The same rules for plain URIs. */
function plainRules(rules: readonly Rule[]): readonly Rule[] {
  const plain = plainOnes.get(rules) ?? rules.map(withPlainResources)
  plainOnes.set(rules, plain)
  return plain
}

function withPlainResources(rule: Rule): Rule {
  return rule.resources === null ? rule : { ...rule, resources: rule.resources.flatMap(plainPatterns) }
}
