// Owns the decision whether a call may pass: what the caller's scopes and the operator's policy both allow. Pure.

import type { Caller } from '../oauth/caller.ts'
import { formatChallenge } from '../oauth/challenge.ts'
import type { Policy } from '../oauth/policy.ts'
import { metadataUrl, type ProtectedResource } from '../oauth/resource.ts'
import { formatScope, fullScope, hasAnyScope, readScope } from '../oauth/scope.ts'
import { scopesCovering, type Tools } from '../oauth/tool.ts'
import type { Upstream } from '../upstreams/registry.ts'
import { type RpcMessage, requestIds } from './message.ts'
import { asksWhatReads, type Forbidden, findForbidden } from './policy/forbidden.ts'
import { type Refusal, rpcRefusal } from './refusal.ts'

export type Access = { readonly allowed: true } | Denial | Prohibition

/** More scope would help. */
export interface Denial {
  readonly allowed: false
  readonly by: 'scope'
  /** Every scope that the operation needs, in one answer, so that one step-up is enough. */
  readonly needed: readonly string[]
  /** For the client. */
  readonly description: string
}

/** Nothing that the client or its person can do would help. */
export interface Prohibition {
  readonly allowed: false
  readonly by: 'policy'
  readonly forbidden: Forbidden
}

/** What every scope of an upstream covers: without these nobody could use the rest of it. */
const BASIC_METHODS: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'logging/setLevel',
])

/**
 * What `<upstream>:read` covers beside these and the read-only tools. A task takes what its tool takes; where that is not
 * known, `tasks/cancel` and `tasks/update` change something and are left out, as is every method that is not known here.
 */
const READ_METHODS: ReadonlySet<string> = new Set([
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'prompts/list',
  'prompts/get',
  'completion/complete',
  'subscriptions/listen',
  'tasks/get',
  'tasks/list',
  'tasks/result',
])

const ALLOWED: Access = { allowed: true }
const NOTIFICATION = 'notifications/'
/** Names that can stand in a challenge without being taken for a part of it. */
const PLAIN_NAME = /^[\w./-]{1,128}$/

export interface AccessQuestion {
  readonly caller: Pick<Caller, 'scopes' | 'consentedAt' | 'groups' | 'clientId'>
  /** Null: the scopes are all that counts. */
  readonly policy: Policy | null
  readonly upstream: Pick<Upstream, 'name' | 'toolScopes' | 'holdNewTools'>
  readonly messages: readonly RpcMessage[]
  /** Those of the upstream, as far as `toolsInQuestion` asked for them. */
  readonly tools: Tools
}

/** The tools of an upstream, asked anew when `asked` names one that is not known; none when in doubt. At once while they are known. */
export type ToolsOf = (upstream: Upstream, asked: readonly string[], caller: Caller) => Tools | Promise<Tools>

/** Each message of a batch has to be allowed. No message at all is a stream or the end of a session: any scope will do. */
export function decide(question: AccessQuestion): Access {
  const forbidden = findForbidden(question, (name) => question.tools.get(name)?.readOnly === true)
  return forbidden ? { allowed: false, by: 'policy', forbidden } : decideByScope(question)
}

function decideByScope(question: AccessQuestion): Access {
  const { caller, upstream, messages } = question
  if (isSettled(question)) return ALLOWED
  const denied = messages.filter((message) => !isAllowed(message, question))
  const [first] = denied
  if (first) {
    const needed = new Set(denied.map((message) => narrowest(message, question)))
    const everything = fullScope(upstream.name)
    const description = describe(first, question)
    return {
      allowed: false,
      by: 'scope',
      needed: needed.has(everything) ? [everything] : [...needed],
      description,
    }
  }
  if (messages.length > 0 || hasAnyScope(caller.scopes, upstream)) return ALLOWED
  return {
    allowed: false,
    by: 'scope',
    needed: [readScope(upstream.name)],
    description: 'The access token has no scope for this server',
  }
}

/** The tools that the decision will ask about: none when the scopes already settle it, and the policy does not ask. */
export function toolsInQuestion(question: Omit<AccessQuestion, 'tools'>): readonly string[] {
  if (isSettled(question) && !asksWhatReads(question)) return []
  return question.messages.flatMap((message) => toolOf(message) ?? [])
}

/** The scopes allow everything, whatever the messages are. */
function isSettled({ caller, upstream }: Pick<AccessQuestion, 'caller' | 'upstream'>): boolean {
  return caller.scopes.has(fullScope(upstream.name)) && !upstream.holdNewTools
}

function isAllowed(message: RpcMessage, question: AccessQuestion): boolean {
  const { caller, upstream } = question
  if (isBasic(message)) return hasAnyScope(caller.scopes, upstream)
  return (
    !isHeld(message, question) && coveringScopes(message, question).some((scope) => caller.scopes.has(scope))
  )
}

/** Narrowest first. */
function coveringScopes(message: RpcMessage, { upstream, tools }: AccessQuestion): readonly string[] {
  const { name, toolScopes } = upstream
  const tool = toolOf(message)
  if (message.kind !== 'request') return [fullScope(name)]
  if (tool !== null) return scopesCovering(tool, tools.get(tool), name, toolScopes)
  return READ_METHODS.has(message.method ?? '') ? [readScope(name), fullScope(name)] : [fullScope(name)]
}

function narrowest(message: RpcMessage, question: AccessQuestion): string {
  const { name } = question.upstream
  return isBasic(message) ? readScope(name) : (coveringScopes(message, question)[0] ?? fullScope(name))
}

/** Notifications and responses only continue what was allowed before. */
function isBasic({ kind, method }: RpcMessage): boolean {
  if (method === null) return true
  return kind === 'notification' ? method.startsWith(NOTIFICATION) : BASIC_METHODS.has(method)
}

/** A tool that came, or became dangerous, after the person agreed waits until the person has seen it. */
function isHeld(message: RpcMessage, { caller, upstream, tools }: AccessQuestion): boolean {
  if (!upstream.holdNewTools || caller.consentedAt === null) return false
  const name = toolOf(message)
  const tool = name === null ? undefined : tools.get(name)
  return tool !== undefined && tool.since > caller.consentedAt
}

/** RFC 6750 §3.1, and MCP, "Runtime Insufficient Scope Errors". */
export function insufficientScope(
  { needed, description }: Denial,
  resource: ProtectedResource,
  messages: readonly RpcMessage[],
): Refusal {
  const challenge = formatChallenge({
    error: 'insufficient_scope',
    metadata: metadataUrl(resource),
    scope: formatScope(needed),
    description,
  })
  return rpcRefusal({
    status: 403,
    reason: 'scope',
    code: 403,
    message: `${description}.`,
    ids: requestIds(messages),
    headers: ['www-authenticate', challenge],
  })
}

/** The tool that a message calls, or that made the task which it is about. */
export function toolOf({ method, params, madeBy }: RpcMessage): string | null {
  if (madeBy !== undefined) return madeBy
  return method === 'tools/call' && typeof params.name === 'string' ? params.name : null
}

function describe(message: RpcMessage, question: AccessQuestion): string {
  const what = toolOf(message) ?? message.method
  const named = what !== null && PLAIN_NAME.test(what) ? what : null
  const subject =
    toolOf(message) === null ? (named ?? 'This') : named === null ? 'This tool' : `Tool ${named}`
  return isHeld(message, question)
    ? `${subject} is new since access was allowed; it has to be allowed again`
    : `${subject} needs more permission`
}
