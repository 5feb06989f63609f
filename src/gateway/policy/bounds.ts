// Owns the bounds that a policy sets to one caller at one upstream: the rules that can hold, and what they ask of a call.

import type { Policy, Rule } from '../../oauth/policy.ts'
import { matches } from '../../oauth/tool.ts'

/** Of the caller, what rules speak of. */
export interface Who {
  readonly groups: ReadonlySet<string>
  readonly clientId: string
}

export interface Bounds {
  /** In their order. */
  readonly rules: readonly Rule[]
  /** Whether it matters which tools only read. */
  readonly askWhatReads: boolean
  /** Whether the arguments of any tool matter. */
  readonly haveConditions: boolean
}

interface Remembered {
  readonly policy: Policy
  readonly byUpstream: Map<string, Bounds>
}

/** Callers come again and again: a token is verified once. A policy that was replaced does not come back. */
const remembered = new WeakMap<Who, Remembered>()

export function boundsOf(policy: Policy, upstream: string, who: Who): Bounds {
  const known = remembered.get(who)
  if (known?.policy === policy) return known.byUpstream.get(upstream) ?? remember(known, upstream, who)
  const anew = { policy, byUpstream: new Map<string, Bounds>() }
  remembered.set(who, anew)
  return remember(anew, upstream, who)
}

/** The rules that can hold for this caller at this upstream. */
export function rulesFor(policy: Policy, upstream: string, who: Who): readonly Rule[] {
  return boundsOf(policy, upstream, who).rules
}

export function matchesAny(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => matches(pattern, text))
}

function remember({ policy, byUpstream }: Remembered, upstream: string, who: Who): Bounds {
  const rules = policy.rules.filter((rule) => isFor(rule, upstream, who))
  const bounds = {
    rules,
    askWhatReads: policy.default === 'read-only' || rules.some(({ effect }) => effect === 'read-only'),
    haveConditions: rules.some((rule) => rule.arguments !== null),
  }
  byUpstream.set(upstream, bounds)
  return bounds
}

function isFor({ upstreams, people, clients }: Rule, upstream: string, { groups, clientId }: Who): boolean {
  return (
    (upstreams === null || matchesAny(upstreams, upstream)) &&
    (people === null || !people.isDisjointFrom(groups)) &&
    (clients === null || matchesAny(clients, clientId))
  )
}
