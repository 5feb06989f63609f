// Owns what a cached answer is an answer to: the call, as far as it can matter to what is answered, and nothing besides. Pure.

import type { IncomingHttpHeaders } from 'node:http'
import { CLIENT_CAPABILITIES, PROTOCOL_VERSION } from '../../mcp/meta.ts'
import { PARAMETER_PREFIX } from '../../mcp/mirrored.ts'
import type { PeerRequest, Visitor } from '../../mcp/peer.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'
import type { Caller } from '../../oauth/caller.ts'
import type { UpstreamCall } from '../call.ts'

/** What a change notification is about. */
export type Topic = 'server' | 'tools' | 'prompts' | 'resources' | 'contents'

/** MCP 2026-07-28, server/utilities/caching.mdx, "Cacheable Results". */
const CACHEABLE: ReadonlyMap<string, Topic> = new Map([
  ['server/discover', 'server'],
  ['tools/list', 'tools'],
  ['prompts/list', 'prompts'],
  ['resources/list', 'resources'],
  ['resources/templates/list', 'resources'],
  ['resources/read', 'contents'],
])

export interface Question {
  readonly topic: Topic
  /** The same for whoever asks the same. */
  readonly text: string
  /** In what right it is asked. */
  readonly asker: string
}

const LONGEST = 4096
const MIRRORED_NAME = 'resources/read'

/**
 * Null for what has to go to the upstream: another method, a retry (whose answer depends on what a person said), a request
 * that the upstream would find fault with, and one whose client wants it from there.
 */
export function questionOf({ modern, messages, req, caller }: UpstreamCall): Question | null {
  const [message] = messages
  const topic = CACHEABLE.get(message?.method ?? '')
  if (!modern || !topic || message?.kind !== 'request' || messages.length !== 1) return null
  const { method, params } = message
  if ('inputResponses' in params || 'requestState' in params) return null
  if (!isFaultless(req.headers, method) || wantsFresh(req.headers)) return null
  const { baggage } = req.headers
  const text = JSON.stringify([method, { ...params, _meta: undefined }, matteringMeta(params._meta), baggage])
  return asked(topic, text, caller)
}

/** The same of what a peer is asked, in whichever way the client put it. */
export function peerQuestionOf(visitor: Visitor, request: PeerRequest): Question | null {
  const { method, params, inputResponses, requestState } = request
  const topic = CACHEABLE.get(method)
  if (!topic || inputResponses !== null || requestState !== null) return null
  const { _meta, ...rest } = params
  const { baggage } = visitor.trace
  const text = JSON.stringify([PEER, method, rest, visitor.capabilities, matteringMeta(_meta), baggage])
  return asked(topic, text, visitor.caller)
}

/** What it answers is as the upstream said it, before our own policy and bounds: never to be mixed with what a client got. */
const PEER = 'peer'

function asked(topic: Topic, text: string, caller: Caller): Question | null {
  return text.length > LONGEST ? null : { topic, text, asker: askerOf(caller) }
}

type Headers = UpstreamCall['req']['headers']

/** "Request Metadata": the headers that an upstream of this era asks for. That they tell the truth was seen to before. */
function isFaultless({ accept = '', ...headers }: Headers, method: string | null): boolean {
  if (headers['mcp-method'] === undefined) return false
  if (method === MIRRORED_NAME && headers['mcp-name'] === undefined) return false
  // None of these methods has one, and what an upstream made of it would be told to others.
  for (const name in headers) if (name.startsWith(PARAMETER_PREFIX)) return false
  return accept.includes('application/json') && accept.includes('text/event-stream')
}

/** RFC 9111 §5.2.1. */
export function wantsFresh(headers: IncomingHttpHeaders): boolean {
  return /no-cache|no-store/i.test(headers['cache-control'] ?? '')
}

/**
 * Who asks, how it is traced and what it wants to hear meanwhile do not matter; what it can do may. So may baggage, in which
 * applications name a tenant or a variant (W3C Baggage §1): one caller's must not decide what all others are answered.
 */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'progressToken',
  'traceparent',
  'tracestate',
  'io.modelcontextprotocol/clientInfo',
  'io.modelcontextprotocol/logLevel',
])

function matteringMeta(meta: unknown): Members {
  if (!isRecord(meta)) return {}
  const { [PROTOCOL_VERSION]: version, [CLIENT_CAPABILITIES]: capabilities, ...others } = meta
  const foreign = Object.entries(others).filter(([name]) => !WITHOUT_EFFECT.has(name))
  return { version, capabilities, foreign }
}

/** "Cache Scope Field": nothing private is shared across authorization contexts. A token that was only renewed is in the same. */
function askerOf({ subject, clientId, grantId, scopes, groups }: Caller): string {
  return JSON.stringify([subject, clientId, grantId, [...scopes].sort(), [...groups].sort()])
}
