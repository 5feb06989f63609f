// Owns what is left out of a list: what the caller may not use. Pure.

import { isRecord, type Members } from '../../mcp/rpc.ts'
import type { Policy } from '../../oauth/policy.ts'
import type { ToolScope } from '../../oauth/resource.ts'
import { scopesCovering, type Tools } from '../../oauth/tool.ts'
import { rulesFor, type Who } from './bounds.ts'
import { judge } from './judge.ts'
import { ANY_ARGUMENTS, type Use, use } from './uses.ts'

/** Whether the caller is shown an item of this list. */
export type View = (list: ListedAs, item: Members) => boolean

export interface Looking extends Who {
  readonly scopes: ReadonlySet<string>
}

interface List {
  readonly method: string
  /** Of the result. */
  readonly items: string
  readonly kind: Exclude<Use['kind'], 'method'>
  /** What rules know an item by. */
  readonly name: string
  /** By which an item is used. */
  readonly by: string
}

const LISTS = [
  { method: 'tools/list', items: 'tools', kind: 'tool', name: 'name', by: 'tools/call' },
  { method: 'prompts/list', items: 'prompts', kind: 'prompt', name: 'name', by: 'prompts/get' },
  { method: 'resources/list', items: 'resources', kind: 'resource', name: 'uri', by: 'resources/read' },
  {
    method: 'resources/templates/list',
    items: 'resourceTemplates',
    kind: 'resource',
    name: 'uriTemplate',
    by: 'resources/read',
  },
] as const satisfies readonly List[]

export type ListedAs = (typeof LISTS)[number]

export function isListMethod(method: string | null): boolean {
  return LISTS.some((list) => list.method === method)
}

/** Null: everything there is, for everybody. Then nothing has to be read, and a list may be shared. */
export function viewOf(
  policy: Policy | null,
  upstream: { readonly name: string; readonly toolScopes: readonly ToolScope[] },
  looking: Looking,
): View | null {
  if (policy === null || !hides(policy, upstream.name)) return null
  const rules = rulesFor(policy, upstream.name, looking)
  return (list, item) => {
    const readOnly = isRecord(item.annotations) && item.annotations.readOnlyHint === true
    const named = { ...use(list.kind, item[list.name], list.by), arguments: ANY_ARGUMENTS }
    if (!judge(policy, rules, named, () => readOnly).allowed) return false
    if (list.kind !== 'tool' || !policy.hideUngranted) return true
    const tool = { name: named.name, title: null, readOnly, destructive: false, since: 0 }
    const covering = scopesCovering(named.name, tool, upstream.name, upstream.toolScopes)
    return covering.some((scope) => looking.scopes.has(scope))
  }
}

/** Those that the policy would let the caller call, with whatever scopes, and with some arguments or other. */
export function callable(policy: Policy | null, upstream: string, who: Who, tools: Tools): Tools {
  if (policy === null) return tools
  const rules = rulesFor(policy, upstream, who)
  const isReadOnly = (name: string) => tools.get(name)?.readOnly === true
  const isCallable = (name: string) =>
    judge(policy, rules, { ...use('tool', name, 'tools/call'), arguments: ANY_ARGUMENTS }, isReadOnly).allowed
  return new Map([...tools].filter(([name]) => isCallable(name)))
}

/** Whether anything could be hidden from anybody. */
function hides(policy: Policy, upstream: string): boolean {
  if (policy.default !== 'allow' || policy.hideUngranted) return true
  const anybody = { ...policy, rules: policy.rules.map((rule) => ({ ...rule, people: null, clients: null })) }
  return rulesFor(anybody, upstream, { groups: new Set(), clientId: '' }).some(
    ({ effect }) => effect !== 'allow',
  )
}

/**
 * The result of a list as the caller may see it. MCP 2026-07-28, server/utilities/caching.mdx: what differs from one to the
 * other is private, also for a caller from whom nothing was hidden. A result without `cacheScope` does not get one.
 */
export function shownTo(view: View, result: Members): Members {
  const shown = LISTS.reduce((all, list) => withoutHidden(view, all, list), result)
  return shown.cacheScope === 'public' ? { ...shown, cacheScope: 'private' } : shown
}

/** By its members, not by the method that was called: an answer that is resumed on another stream does not say that. */
function withoutHidden(view: View, result: Members, list: ListedAs): Members {
  const items: unknown = result[list.items]
  // The result of a tool is its own affair, whatever it is called.
  if (!Array.isArray(items) || 'content' in result) return result
  const shown = items.filter((item: unknown) => isRecord(item) && view(list, item))
  return shown.length === items.length ? result : { ...result, [list.items]: shown }
}
