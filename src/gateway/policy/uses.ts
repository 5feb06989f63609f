// Owns what a message would use at an upstream, in the terms that rules speak of: tools, prompts, resources and methods.

import { isRecord, type Members } from '../../mcp/rpc.ts'

/** What a list asks instead of the arguments: whether there are some that would be allowed. */
export const ANY_ARGUMENTS = Symbol('any arguments')

export interface Use {
  readonly kind: 'tool' | 'prompt' | 'resource' | 'method'
  /** Its name, its URI, or the method itself. Empty for what has no name that is a text: the upstream will not know it. */
  readonly name: string
  readonly method: string
  /** Of a tool. */
  readonly arguments: unknown
}

export interface Asking {
  /** Null for a response. */
  readonly method: string | null
  readonly params: Members
  /** Of one about a task, where it is known: the tool that made that. */
  readonly madeBy?: string
}

/** Of all revisions, with the extension for tasks. Notifications only continue what was allowed before. */
const KNOWN: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'completion/complete',
  'logging/setLevel',
  'subscriptions/listen',
  'tasks/get',
  'tasks/list',
  'tasks/result',
  'tasks/update',
  'tasks/cancel',
])
const CHANGING: ReadonlySet<string> = new Set(['tools/call', 'tasks/update', 'tasks/cancel'])
const NOTIFICATION = 'notifications/'

export function isKnownMethod(method: string): boolean {
  return KNOWN.has(method) || method.startsWith(NOTIFICATION)
}

export function isReadingMethod(method: string): boolean {
  return isKnownMethod(method) && !CHANGING.has(method)
}

/** Of all of them, in their order. */
export function usesOfAll(messages: readonly Asking[]): readonly Use[] {
  const [only] = messages
  // Nearly always so.
  return only && messages.length === 1 ? usesOf(only) : messages.flatMap(usesOf)
}

/** Never empty but for a response, which belongs to what was asked before. */
export function usesOf({ method, params, madeBy }: Asking): readonly Use[] {
  switch (method) {
    case null:
      return []
    case 'tools/call':
      return [useOfTool(params, method)]
    case 'prompts/get':
      return [use('prompt', params.name, method)]
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return [use('resource', params.uri, method)]
    case 'completion/complete':
      return completed(params.ref, method)
    case 'subscriptions/listen':
      return [use('method', method, method), ...listened(params.notifications, method)]
    default:
      return [use('method', method, method), ...(madeBy === undefined ? [] : [useOfMaker(madeBy)])]
  }
}

/** With which arguments it made the task was judged when it did. */
function useOfMaker(tool: string): Use {
  return { ...use('tool', tool, 'tools/call'), arguments: ANY_ARGUMENTS }
}

/** They may be large, and are read when a rule asks for them. */
function useOfTool(params: Members, method: string): Use {
  return {
    kind: 'tool',
    name: textOf(params.name),
    method,
    get arguments() {
      return params.arguments ?? {}
    },
  }
}

/** Completing the arguments of a prompt, or of the template of a resource, tells what is there. */
function completed(ref: unknown, method: string): readonly Use[] {
  if (!isRecord(ref)) return [use('method', method, method)]
  // By what it names, whatever it says that it is: an upstream may look at either.
  const named = [
    ...('name' in ref ? [use('prompt', ref.name, method)] : []),
    ...('uri' in ref ? [use('resource', ref.uri, method)] : []),
  ]
  return named.length > 0 ? named : [use('resource', '', method)]
}

function listened(filter: unknown, method: string): readonly Use[] {
  if (!isRecord(filter) || !Array.isArray(filter.resourceSubscriptions)) return []
  return filter.resourceSubscriptions.map((uri: unknown) => use('resource', uri, method))
}

export function use(kind: Use['kind'], name: unknown, method: string): Use {
  return { kind, name: textOf(name), method, arguments: {} }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
