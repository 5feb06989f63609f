// Owns the peer that speaks MCP 2026-07-28 over Streamable HTTP: one POST for each request, and nothing kept between them.

import type { AnswerBudget } from '../../http/answer-budget.ts'
import type { Connections } from '../../http/connections.ts'
import {
  DISCOVER,
  type Discovery,
  type Peer,
  type PeerAnswer,
  PeerFailure,
  type PeerHooks,
  type PeerRequest,
  type Visitor,
} from '../../mcp/peer.ts'
import { HEADER_MISMATCH, METHOD_NOT_FOUND } from '../../mcp/rpc.ts'
import type { CredentialFor } from '../credentials.ts'
import { EraMismatch } from '../era-mismatch.ts'
import { headersFor } from '../legacy/http-headers.ts'
import { send } from '../presenting.ts'
import type { HttpUpstream } from '../registry.ts'
import { repeatable, repeated } from '../repeating.ts'
import { peerFailure, readAnswer } from './answer.ts'
import { readDiscovery } from './discovery.ts'
import { bodyOf, mirroringHeaders } from './message.ts'
import { parameterHeaders } from './parameter-headers.ts'
import { acknowledgedFirst } from './subscription.ts'
import { createToolDefinitions } from './tool-definitions.ts'

export interface ModernPeerNeeds {
  readonly upstream: HttpUpstream
  readonly connections: Connections
  readonly credentialFor: CredentialFor
  /** Of all answers together. */
  readonly budget?: AnswerBudget | undefined
  /** Milliseconds. */
  readonly clock?: () => number
}

/** Of an answer, or of one event on its stream. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024
const MAX_TOOL_PAGES = 64
const LIST_MS = 10_000
/** What a header can hold; there is no way to wrap a method. */
const METHOD = /^[\x21-\x7e]+$/
const LIST_TOOLS: PeerRequest = { method: 'tools/list', params: {}, inputResponses: null, requestState: null }

export function createModernPeer({
  upstream,
  connections,
  credentialFor,
  budget,
  clock = Date.now,
}: ModernPeerNeeds): Peer {
  const definitions = createToolDefinitions(clock)
  let lastId = 0

  /** Each time under an id of its own: also a retry is a request like any other (basic/patterns/mrtr.mdx). */
  async function post(visitor: Visitor, request: PeerRequest, hooks: PeerHooks): Promise<PeerAnswer> {
    const id = ++lastId
    const credential = await credentialFor(visitor.caller, upstream)
    const ofTheMessage = { ...(await parametersIn(visitor, request)), ...mirroringHeaders(request) }
    const headers = headersFor(upstream.headers, credential, { ...visitor.trace, ...ofTheMessage })
    const body = bodyOf(id, visitor, request)
    const { signal, notify } = hooks
    try {
      const outgoing = { method: 'POST', url: anyUrlOf(upstream), headers, body, signal } as const
      const incoming = await repeated(repeatable(request), signal, () =>
        send(connections, outgoing, credential),
      )
      return await readAnswer(incoming, {
        id,
        method: request.method,
        maxBytes: MAX_ANSWER_BYTES,
        budget,
        notify: unlessAborted(signal, notify),
      })
    } catch (error) {
      // Who left is no failure of the upstream's.
      signal.throwIfAborted()
      throw peerFailure(error)
    }
  }

  async function parametersIn(visitor: Visitor, { method, params }: PeerRequest) {
    if (method !== 'tools/call' || typeof params.name !== 'string') return {}
    const parameters = await definitions.parametersOf(params.name, () => listTools(visitor))
    return parameterHeaders(parameters, params.arguments)
  }

  /** For everybody who waits, so it goes on when the first of them leaves. */
  async function listTools(visitor: Visitor): Promise<void> {
    const signal = AbortSignal.timeout(LIST_MS)
    let cursor: unknown
    for (let page = 0; page < MAX_TOOL_PAGES; page++) {
      const params = cursor === undefined ? {} : { cursor }
      const answer = await post(visitor, { ...LIST_TOOLS, params }, { signal, notify: () => undefined })
      if (answer.kind === 'error') return
      definitions.learn(answer.result)
      cursor = answer.result.nextCursor
      if (typeof cursor !== 'string') return
    }
  }

  async function request(visitor: Visitor, asked: PeerRequest, hooks: PeerHooks): Promise<PeerAnswer> {
    if (!METHOD.test(asked.method)) return UNKNOWN_METHOD
    const answer = await post(visitor, asked, hooks)
    if (answer.kind === 'result') {
      return asked.method === 'tools/list' ? { ...answer, result: definitions.learn(answer.result) } : answer
    }
    // "Client Behavior": the schema of the tool may have changed. Nothing was done, so it can be asked again.
    if (answer.error.code !== HEADER_MISMATCH || asked.method !== 'tools/call') return answer
    await definitions.refresh(() => listTools(visitor))
    return post(visitor, asked, hooks)
  }

  async function discover(visitor: Visitor, signal: AbortSignal): Promise<Discovery> {
    const answer = await post(visitor, DISCOVER, { signal, notify: () => undefined })
    if (answer.kind === 'error') throw new EraMismatch(answer.error)
    return readDiscovery(answer.result)
  }

  return {
    discover,
    request,
    async listen(visitor, filter, hooks) {
      const asked = { method: 'subscriptions/listen', params: { notifications: filter } }
      const notify = acknowledgedFirst(hooks.notify)
      const answer = await post(
        visitor,
        { ...asked, inputResponses: null, requestState: null },
        { signal: hooks.signal, notify },
      )
      if (answer.kind === 'error') throw new PeerFailure('answer', { cause: answer.error })
    },
  }
}

const UNKNOWN_METHOD: PeerAnswer = {
  kind: 'error',
  error: { code: METHOD_NOT_FOUND, message: 'Method not found' },
}

/** Nothing is kept at any of them. */
function anyUrlOf({ url, endpoints }: HttpUpstream): string {
  const endpoint = endpoints[Math.floor(Math.random() * endpoints.length)]
  return endpoint ? endpoint.origin + endpoint.path : url
}

function unlessAborted(signal: AbortSignal, notify: PeerHooks['notify']): PeerHooks['notify'] {
  return (notification) => {
    if (!signal.aborted) notify(notification)
  }
}
