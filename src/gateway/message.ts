// Owns the reading of a posted body: JSON-RPC 2.0 messages in the shape that MCP gives them, and nothing ambiguous.

import { isUtf8 } from 'node:buffer'
import { isRecord, isRpcId, PARSE_ERROR, type RpcId } from '../mcp/rpc.ts'
import { countMembers } from './json-shape.ts'
import { type Cut, outlineOf } from './outline.ts'
import { malformed } from './refusal.ts'

export interface RpcMessage {
  readonly kind: 'request' | 'notification' | 'response'
  /** Null for a response, which answers a request of the upstream. */
  readonly method: string | null
  /** Null for a notification, and for an error response without one. */
  readonly id: RpcId | null
  readonly params: Readonly<Record<string, unknown>>
  /** Of one about a task, where it is known: the tool that made that. */
  readonly madeBy?: string
}

export interface MessageLimits {
  readonly maxDepth: number
  readonly maxBatch: number
}

/** From here on, finding out what there is costs less than making all of it. */
const LARGE_BYTES = 4 * 1024
const METHOD_LENGTH = 256
/** Of the messages and what is directly in them. Making hundreds of thousands takes seconds, in which nobody else is served. */
const MOST_MEMBERS = 4096
const ID_LENGTH = 1024
const MESSAGE_MEMBERS = spellings('jsonrpc', 'id', 'method', 'params', 'result', 'error')
const PARAMS_MEMBERS = spellings('name', 'uri', 'arguments', 'taskId', 'ref', 'notifications', '_meta')
const NO_PARAMS: Readonly<Record<string, unknown>> = {}

/**
 * The messages of a body. Throws a refusal (400) for what is not JSON-RPC, and for what two parsers could read as two
 * different messages: the upstream gets the same bytes and must not see another method or tool than we decided about.
 * Batches exist in 2025-03-26 alone, which is also what a request without a version header speaks.
 */
export function readMessages(body: Buffer, batches: boolean, limits: MessageLimits): readonly RpcMessage[] {
  if (!isUtf8(body)) throw malformed('The body is not UTF-8.', [], PARSE_ERROR)
  const outline = body.length < LARGE_BYTES ? null : outlineOf(body, limits.maxDepth)
  if (outline === null) return readWhole(body, batches, limits)
  return readWhole(outline.bytes, batches, limits).map((message) => withCuts(message, outline.cuts))
}

/** As `readMessages` once it is known to be UTF-8, and with everything read at once. */
export function readWhole(body: Buffer, batches: boolean, limits: MessageLimits): readonly RpcMessage[] {
  const members = countMembers(body, limits.maxDepth)
  if (!members) throw malformed('The body is nested too deeply.')
  if (members.total > MOST_MEMBERS) throw malformed('The body has too many members.')
  const json = parseJson(body)
  const elements = Array.isArray(json) ? batchElements(json, batches, limits.maxBatch) : [json]
  if (visibleMembers(json) !== members.total) throw malformed('A member appears twice.', idsOf(elements))
  return elements.map(readMessage)
}

/** What was cut out of the params is read when somebody asks for it, which is nobody in most calls. */
function withCuts(message: RpcMessage, cuts: readonly Cut[]): RpcMessage {
  const own = message.kind === 'response' ? [] : cuts.filter(({ owner }) => owner === 'params')
  const values = own.map(({ name, value }) => [name, readLater(value)] as const)
  return { ...message, params: Object.defineProperties({ ...message.params }, Object.fromEntries(values)) }
}

function readLater(json: Buffer): PropertyDescriptor {
  let value: unknown
  let isRead = false
  const get = () => {
    if (!isRead) value = JSON.parse(json.toString('utf8'))
    isRead = true
    return value
  }
  return { get, enumerable: true }
}

/** The ids of the requests, which are what an error answers. */
export function requestIds(messages: readonly RpcMessage[]): readonly RpcId[] {
  const [only] = messages
  // Nearly always so, and worth an array of its own size for each open stream.
  if (only && messages.length === 1) return only.kind === 'request' && only.id !== null ? [only.id] : []
  return messages.flatMap(({ kind, id }) => (kind === 'request' && id !== null ? [id] : []))
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw malformed('The body is not JSON.', [], PARSE_ERROR)
  }
}

function batchElements(elements: readonly unknown[], allowed: boolean, most: number): readonly unknown[] {
  if (!allowed) throw malformed('This protocol version has no batches.', idsOf(elements))
  if (elements.length === 0) throw malformed('The batch is empty.')
  if (elements.length > most) throw malformed(`The batch has more than ${most} messages.`)
  return elements
}

/** Ids for an error's sake only: of elements that may be anything. */
function idsOf(elements: readonly unknown[]): readonly RpcId[] {
  const [only] = elements
  return elements.length === 1 && isRecord(only) && isId(only.id) ? [only.id] : []
}

/** The members that survived parsing, at the levels that `countMembers` counted: fewer when a name appeared twice. */
function visibleMembers(json: unknown): number {
  const messages: readonly unknown[] = Array.isArray(json) ? json : [json]
  return messages.filter(isRecord).reduce((sum, message) => sum + membersOfMessage(message), 0)
}

function membersOfMessage(message: Readonly<Record<string, unknown>>): number {
  let members = 0
  for (const key in message) {
    members++
    const value = message[key]
    if (isRecord(value)) members += Object.keys(value).length
  }
  return members
}

function readMessage(value: unknown): RpcMessage {
  if (!isRecord(value) || value.jsonrpc !== '2.0')
    throw malformed('This is not a JSON-RPC 2.0 message.', idsOf([value]))
  const message = 'method' in value ? readCall(value) : readResponse(value)
  if (misspelled(value, MESSAGE_MEMBERS) || misspelled(message.params, PARAMS_MEMBERS)) {
    throw malformed('A member differs from a known one in case only.', idsOf([value]))
  }
  return message
}

function readCall(value: Readonly<Record<string, unknown>>): RpcMessage {
  const { method, id, params = NO_PARAMS } = value
  if (typeof method !== 'string' || method === '' || method.length > METHOD_LENGTH) {
    throw malformed('The method is not a short text.', idsOf([value]))
  }
  if (!isRecord(params)) throw malformed('The params are not an object.', idsOf([value]))
  if ('result' in value || 'error' in value) throw malformed('A call has no result.', idsOf([value]))
  if (!('id' in value)) return { kind: 'notification', method, id: null, params }
  if (!isId(id)) throw malformed('The id is neither a short text nor an integer of at most 2^53 - 1.')
  return { kind: 'request', method, id, params }
}

function readResponse(value: Readonly<Record<string, unknown>>): RpcMessage {
  const failed = 'error' in value
  if (failed === 'result' in value)
    throw malformed('A response has either a result or an error.', idsOf([value]))
  const { id = null } = value
  if (isId(id)) return { kind: 'response', method: null, id, params: NO_PARAMS }
  if (failed && id === null) return { kind: 'response', method: null, id, params: NO_PARAMS }
  throw malformed('The id is neither a short text nor an integer of at most 2^53 - 1.')
}

function isId(value: unknown): value is RpcId {
  return isRpcId(value) && (typeof value === 'number' || value.length <= ID_LENGTH)
}

interface Spellings {
  readonly exact: ReadonlySet<string>
  readonly folded: ReadonlySet<string>
}

function spellings(...names: readonly string[]): Spellings {
  return { exact: new Set(names), folded: new Set(names.map(fold)) }
}

/** Has a name that parsers which ignore case (Go's encoding/json) take for one of these. */
function misspelled(object: Readonly<Record<string, unknown>>, names: Spellings): boolean {
  for (const key in object) {
    if (!names.exact.has(key) && names.folded.has(fold(key))) return true
  }
  return false
}

/** Both ways, because ſ is an s only in upper case and the Kelvin sign a k only in lower case. */
export function fold(key: string): string {
  return key.toUpperCase().toLowerCase()
}
