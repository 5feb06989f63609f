// Owns the peer that an HTTP API is: its operations are tools, a call is a request to it, its answer the result.

import { readBytes, UnreadableAnswer } from '../../http/answer-body.ts'
import type { Connections } from '../../http/connections.ts'
import { rounded } from '../../mcp/exact-json.ts'
import {
  type Discovery,
  type Peer,
  type PeerAnswer,
  PeerFailure,
  type PeerHooks,
  type PeerRequest,
  type Visitor,
} from '../../mcp/peer.ts'
import { INVALID_PARAMS, isRecord, METHOD_NOT_FOUND, type Members } from '../../mcp/rpc.ts'
import { wantedScope } from '../../oauth/wanted-scope.ts'
import type { Credential, CredentialFor } from '../credentials.ts'
import { peerFailure } from '../legacy/http-answer.ts'
import { headersFor } from '../legacy/http-headers.ts'
import { send } from '../presenting.ts'
import type { OpenApiUpstream } from '../settings.ts'
import { ArgumentProblem } from './argument.ts'
import { type CheckArguments, createArgumentCheck } from './checked-arguments.ts'
import { type Api, loadApi } from './load.ts'
import type { Operation } from './operation.ts'
import { type Outgoing, outgoing } from './outgoing.ts'
import type { ApiProblem } from './problem.ts'
import { reach } from './reach.ts'
import { failed, toolResult } from './result.ts'
import { createSource } from './source.ts'

export interface OpenApiPeerNeeds {
  readonly upstream: OpenApiUpstream
  readonly connections: Connections
  readonly credentialFor: CredentialFor
  /** The document is of no use, or not all of it; for the log. */
  readonly report: (problem: ApiProblem) => void
  readonly refreshMs?: number
  /** Of an answer. */
  readonly maxBytes?: number
  /** Milliseconds. */
  readonly clock?: () => number
}

export interface OpenApiPeer extends Peer {
  close(): void
}

const REFRESH_MS = 5 * 60_000
export const MAX_BYTES = 4 * 1024 * 1024
const MAX_INSTRUCTIONS = 4_000
const NO_DOCUMENT = 'The OpenAPI document of this server cannot be used.'
const TTL_MS = 60_000
const ACCEPT = 'application/json, text/*;q=0.9, */*;q=0.5'

export function createOpenApiPeer(needs: OpenApiPeerNeeds): OpenApiPeer {
  const { upstream, connections, report, refreshMs = REFRESH_MS, clock = Date.now } = needs
  const listeners = new Set<PeerHooks['notify']>()
  const check = createArgumentCheck()
  const source = createSource({
    load: () => loadApi(upstream, connections),
    report,
    onChange: () => {
      for (const notify of listeners) notify({ method: 'notifications/tools/list_changed', params: {} })
    },
    refreshMs,
    clock,
  })

  async function api(): Promise<Api> {
    return source.current().catch((cause: unknown) => {
      throw new PeerFailure('unreachable', { cause, description: NO_DOCUMENT })
    })
  }

  return {
    discover: async () => discovery(await api()),
    async request(visitor, request, { signal }) {
      if (request.method === 'tools/list') return listed(await api())
      if (request.method === 'server/discover') return reach(connections, await api(), signal)
      if (request.method !== 'tools/call') return error(METHOD_NOT_FOUND, 'This server has tools only.')
      return call({ ...needs, check }, await api(), visitor, request, signal)
    },
    async listen(_visitor, { toolsListChanged = false }, { signal, notify }) {
      const notifications = toolsListChanged ? { toolsListChanged } : {}
      notify({ method: 'notifications/subscriptions/acknowledged', params: { notifications } })
      if (toolsListChanged) listeners.add(notify)
      await left(signal)
      listeners.delete(notify)
    },
    close: () => source.close(),
  }
}

function left(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function discovery({ info }: Api): Discovery {
  const { title, version, description } = info
  return {
    capabilities: { tools: { listChanged: true } },
    serverInfo: { name: String(title), version: String(version) },
    instructions: typeof description === 'string' ? description.slice(0, MAX_INSTRUCTIONS) : null,
  }
}

function listed({ byName }: Api): PeerAnswer {
  const tools = [...byName.values()].map(({ tool }) => tool)
  return { kind: 'result', result: { resultType: 'complete', tools, ttlMs: TTL_MS, cacheScope: 'private' } }
}

function error(code: number, message: string): PeerAnswer {
  return { kind: 'error', error: { code, message } }
}

async function call(
  needs: OpenApiPeerNeeds & { readonly check: CheckArguments },
  { byName, base }: Api,
  { caller, trace }: Visitor,
  { params }: PeerRequest,
  signal: AbortSignal,
): Promise<PeerAnswer> {
  const { name, arguments: given = {} } = params
  const operation = typeof name === 'string' ? byName.get(name) : undefined
  if (!operation) return error(INVALID_PARAMS, 'There is no such tool.')
  if (!isRecord(given)) return error(INVALID_PARAMS, 'The arguments are not an object.')
  const request = prepared(operation, given, base, needs.check)
  if (request instanceof ArgumentProblem) return { kind: 'result', result: failed(request.message) }
  const { upstream, credentialFor } = needs
  const headers = headersOf(upstream, request, trace)
  const credential = await credentialFor(caller, upstream)
  const presented = headersFor(headers, credential, ownHeaders(request))
  const answer = await exchange(needs, operation, request, { headers: presented, credential, signal })
  // A login of the person's, which can be renewed. What an operator configured cannot, and the result says so.
  if (answer.status === 401 && credential.kind === 'header') throw new PeerFailure('credentials')
  if (answer.wantsScope !== null && upstream.auth?.type === 'oauth2')
    throw new PeerFailure('credentials', { wantsScope: answer.wantsScope })
  return { kind: 'result', result: answer.result }
}

function prepared(
  operation: Operation,
  given: Members,
  base: string,
  check: CheckArguments,
): Outgoing | ArgumentProblem {
  try {
    const request = outgoing(operation, given, base)
    const problem = check(operation, comparable(given))
    return problem === null ? request : new ArgumentProblem(problem)
  } catch (problem) {
    if (problem instanceof ArgumentProblem) return problem
    throw problem
  }
}

/** Schemas speak of numbers. */
function comparable(given: Members): Members {
  const numbers = rounded(given)
  return isRecord(numbers) ? numbers : given
}

/** What an operator configured wins over what a caller says. */
function headersOf(
  { headers }: OpenApiUpstream,
  request: Outgoing,
  trace: Visitor['trace'],
): Record<string, string> {
  const cookie = [...(headers.cookie ? [headers.cookie] : []), ...request.cookies].join('; ')
  return { ...trace, ...request.headers, ...headers, ...(cookie !== '' && { cookie }) }
}

function ownHeaders({ contentType }: Outgoing): Record<string, string> {
  return { accept: ACCEPT, ...(contentType !== null && { 'content-type': contentType }) }
}

interface Presented {
  readonly headers: Record<string, string>
  readonly credential: Credential
  readonly signal: AbortSignal
}

async function exchange(
  { connections, maxBytes = MAX_BYTES }: OpenApiPeerNeeds,
  { name, method }: Operation,
  { url, body }: Outgoing,
  { headers, credential, signal }: Presented,
): Promise<Answered> {
  try {
    const answer = await send(connections, { method, url, headers, body, signal }, credential)
    if ((answer.headers['content-encoding'] ?? 'identity') !== 'identity') {
      answer.body.destroy()
      return unread('The API answered in an encoding that was not asked for.')
    }
    const { status } = answer
    const wantsScope = wantedScope(status, answer.headers['www-authenticate'])
    return {
      status,
      wantsScope,
      result: toolResult({ ...answer, body: await readBytes(answer.body, maxBytes) }, name),
    }
  } catch (problem) {
    signal.throwIfAborted()
    if (problem instanceof UnreadableAnswer)
      return unread(`The answer of the API has more than ${maxBytes} bytes.`)
    throw peerFailure(problem)
  }
}

interface Answered {
  /** 0 for an answer that was not read. */
  readonly status: number
  /** What the login of the person lacks. */
  readonly wantsScope: string | null
  readonly result: Members
}

function unread(why: string): Answered {
  return { status: 0, wantsScope: null, result: failed(why) }
}
