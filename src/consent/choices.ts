// Owns what a person can allow at each upstream, in words, and how the posted answer is read.

import type { RequestedAccess } from '../authorization-server/interactions.ts'
import { fieldOf, fieldsOf } from '../http/csrf.ts'
import type { ChoiceGroup, ScopeChoice, ToolLine } from '../http/interaction-view-data.ts'
import type { OfferedUpstream } from '../oauth/resource.ts'
import { fullScope, includes, type Offer, readScope, scopesOf } from '../oauth/scope.ts'
import { scopesCovering, type Tool, type Tools } from '../oauth/tool.ts'

/** What the page knows of an upstream of the resource that is asked for. */
export interface ChoiceFacts {
  readonly upstream: Omit<OfferedUpstream, 'title'>
  /** At the whole resource. */
  readonly requested: ReadonlySet<string>
  /** Undefined: the upstream did not tell. */
  readonly tools: Tools | undefined
  /** When the person agreed last time, in seconds since the epoch; null for the first time. */
  readonly agreedAt: number | null
}

/** Narrowest first. Ticked is what the client asked for; a client that named no scope is offered reading. */
export function scopeChoices({
  upstream,
  requested,
  tools = new Map(),
  agreedAt,
}: ChoiceFacts): readonly ScopeChoice[] {
  const { name, toolScopes } = upstream
  const asked = requested.size === 0 ? new Set([readScope(name)]) : requested
  const lines = Map.groupBy(tools.values(), (tool) => narrowestScope(tool, upstream))
  const choice = (scope: string, label: string, description: string): ScopeChoice => ({
    scope,
    label,
    description,
    requested: includes(asked, scope),
    tools: (lines.get(scope) ?? []).map((tool) => toolLine(tool, agreedAt)),
  })
  return [
    choice(readScope(name), 'Read', 'Look things up: tools that change nothing, resources and prompts.'),
    ...toolScopes.map(({ scope, title }) => choice(scope, title, 'Use these tools, whatever they change.')),
    choice(
      fullScope(name),
      'Everything, including changes',
      'Use every tool, also those that create, change or delete.',
    ),
  ]
}

/** By upstream; undefined, or not there, when one did not tell. */
export type KnownTools = ReadonlyMap<string, Tools | undefined>

/** What can be allowed at each upstream of the resource that is asked for. */
export function choiceGroups(
  { upstreams, scopes, agreedAt }: RequestedAccess,
  tools: KnownTools,
): readonly ChoiceGroup[] {
  return upstreams.map((upstream) => {
    const facts = { upstream, requested: scopes, tools: tools.get(upstream.name), agreedAt }
    return { title: upstream.title, choices: scopeChoices(facts) }
  })
}

/** Where a tool is listed: under the least that lets it be called. */
function narrowestScope(tool: Tool, { name, toolScopes }: ChoiceFacts['upstream']): string {
  return scopesCovering(tool.name, tool, name, toolScopes)[0] ?? fullScope(name)
}

function toolLine({ name, title, since }: Tool, agreedAt: number | null): ToolLine {
  return { name, title, isNew: agreedAt !== null && since > agreedAt }
}

const IDENTITY: ReadonlyMap<string, string> = new Map([
  ['openid', 'that it is you, when you come again'],
  ['profile', 'your name'],
  ['email', 'your email address'],
])

/** What a client learns about the person by the scopes of OpenID Connect, in words. */
export function identityLines(scopes: readonly string[]): readonly string[] {
  return scopes.map((scope) => IDENTITY.get(scope)).filter((line) => line !== undefined)
}

export type Answer =
  | { readonly kind: 'allow'; readonly scopes: ReadonlySet<string> }
  | { readonly kind: 'deny' }
  /** Somebody else signed in with this browser since the page was shown. */
  | { readonly kind: 'other-account' }

/** Pure. `offer` is null when the client only asks who the person is; otherwise allowing nothing is refusing. */
export function readAnswer(body: unknown, accountId: string, offer: Offer | null): Answer {
  if (fieldOf(body, 'decision') !== 'allow') return { kind: 'deny' }
  if (fieldOf(body, 'account') !== accountId) return { kind: 'other-account' }
  const offered = offer === null ? [] : scopesOf(offer)
  const scopes = new Set(fieldsOf(body, 'scope').filter((scope) => offered.includes(scope)))
  return offer !== null && scopes.size === 0 ? { kind: 'deny' } : { kind: 'allow', scopes }
}
