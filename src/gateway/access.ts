// Owns the decision what a caller's scopes allow: pure, and no for whatever it does not know.

import { formatChallenge } from '../oauth/challenge.ts'
import { metadataUrl, type ProtectedResource } from '../oauth/resource.ts'
import { formatScope, fullScope, includes, readScope } from '../oauth/scope.ts'
import { type RpcMessage, requestIds } from './message.ts'
import { type Refusal, rpcRefusal } from './refusal.ts'

export type Access = { readonly allowed: true } | Denial

export interface Denial {
  readonly allowed: false
  /** Every scope that the operation needs, in one answer, so that one step-up is enough. */
  readonly needed: readonly string[]
  /** For the client. */
  readonly description: string
}

/**
 * What `<upstream>:read` covers beside read-only tools. Notifications and responses only continue what was allowed before.
 * `tasks/cancel` and `tasks/update` change something and are left out, as is every method that is not known here.
 */
const READ_METHODS: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'prompts/list',
  'prompts/get',
  'completion/complete',
  'logging/setLevel',
  'subscriptions/listen',
  'tasks/get',
  'tasks/list',
  'tasks/result',
])

const ALLOWED: Access = { allowed: true }
const NOTIFICATION = 'notifications/'
/** Names that can stand in a challenge without being taken for a part of it. */
const PLAIN_NAME = /^[\w./-]{1,128}$/

/** Each message of a batch has to be allowed. No message at all is a stream or the end of a session, which are reads. */
export function decide(
  scopes: ReadonlySet<string>,
  upstream: string,
  messages: readonly RpcMessage[],
  isReadOnlyTool: (tool: string) => boolean,
): Access {
  if (includes(scopes, fullScope(upstream))) return ALLOWED
  const writing = messages.find((message) => !isRead(message, isReadOnlyTool))
  if (writing) return { allowed: false, needed: [fullScope(upstream)], description: describe(writing) }
  if (includes(scopes, readScope(upstream))) return ALLOWED
  return {
    allowed: false,
    needed: [readScope(upstream)],
    description: 'The access token has no scope for this server',
  }
}

/** The tools that the decision will ask about: none when the scopes already settle it. */
export function toolsInQuestion(
  scopes: ReadonlySet<string>,
  upstream: string,
  messages: readonly RpcMessage[],
): readonly string[] {
  if (includes(scopes, fullScope(upstream))) return []
  return messages.flatMap((message) => toolOf(message) ?? [])
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

/** The tool that a message calls. */
export function toolOf({ method, params }: RpcMessage): string | null {
  return method === 'tools/call' && typeof params.name === 'string' ? params.name : null
}

function isRead(message: RpcMessage, isReadOnlyTool: (tool: string) => boolean): boolean {
  if (message.method === null) return true
  if (message.kind === 'notification') return message.method.startsWith(NOTIFICATION)
  const tool = toolOf(message)
  return tool === null ? READ_METHODS.has(message.method) : isReadOnlyTool(tool)
}

function describe(message: RpcMessage): string {
  const tool = toolOf(message)
  if (tool !== null && PLAIN_NAME.test(tool)) return `Tool ${tool} needs more permission`
  if (tool !== null) return 'This tool needs more permission'
  return message.method !== null && PLAIN_NAME.test(message.method)
    ? `${message.method} needs more permission`
    : 'This needs more permission'
}
