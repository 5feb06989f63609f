// Owns what a person can allow at one upstream, in words, and how the posted answer is read.

import { fieldOf, fieldsOf } from '../http/csrf.ts'
import type { ScopeChoice, ToolLine } from '../http/view-data.ts'
import { fullScope, includes, readScope, scopesOf } from '../oauth/scope.ts'

/** The upstream's tools by the scope that they need, when they are known. */
export interface ToolGroups {
  readonly read: readonly ToolLine[]
  readonly write: readonly ToolLine[]
}

const NO_TOOLS: ToolGroups = { read: [], write: [] }

/** Narrowest first. Ticked is what the client asked for; a client that named no scope is offered reading. */
export function scopeChoices(
  upstream: string,
  requested: ReadonlySet<string>,
  { read, write }: ToolGroups = NO_TOOLS,
): readonly ScopeChoice[] {
  const asked = requested.size === 0 ? new Set([readScope(upstream)]) : requested
  return [
    {
      scope: readScope(upstream),
      label: 'Read',
      description: 'Look things up: tools that change nothing, resources and prompts.',
      requested: includes(asked, readScope(upstream)),
      tools: read,
    },
    {
      scope: fullScope(upstream),
      label: 'Everything, including changes',
      description: 'Use every tool, also those that create, change or delete.',
      requested: includes(asked, fullScope(upstream)),
      tools: write,
    },
  ]
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

/** Pure. `upstream` is null when the client only asks who the person is; otherwise allowing nothing is refusing. */
export function readAnswer(body: unknown, accountId: string, upstream: string | null): Answer {
  if (fieldOf(body, 'decision') !== 'allow') return { kind: 'deny' }
  if (fieldOf(body, 'account') !== accountId) return { kind: 'other-account' }
  const offered = upstream === null ? [] : scopesOf(upstream)
  const scopes = new Set(fieldsOf(body, 'scope').filter((scope) => offered.includes(scope)))
  return upstream !== null && scopes.size === 0 ? { kind: 'deny' } : { kind: 'allow', scopes }
}
