// Owns the peer that an HTTP API is: its operations are tools, a call is a request to it, its answer the result.

import type { AnswerBudget } from '../../http/answer-budget.ts'
import { ConnectionFailure, type Connections } from '../../http/connections.ts'
import { type Discovery, type Peer, type PeerAnswer, PeerFailure, type PeerHooks } from '../../mcp/peer.ts'
import { METHOD_NOT_FOUND } from '../../mcp/rpc.ts'
import type { CredentialFor } from '../credentials.ts'
import type { OpenApiUpstream } from '../settings.ts'
import { call } from './call.ts'
import { createArgumentCheck } from './checked-arguments.ts'
import { type Api, loadApi } from './load.ts'
import type { ApiProblem } from './problem.ts'
import { reach } from './reach.ts'
import { createSource } from './source.ts'

export interface OpenApiPeerNeeds {
  readonly upstream: OpenApiUpstream
  readonly connections: Connections
  readonly credentialFor: CredentialFor
  /** The document is of no use, or not all of it; for the log. */
  readonly report: (problem: ApiProblem) => void
  readonly refreshMs?: number
  /** Of an answer; never more than 4 MiB. */
  readonly maxBytes?: number
  /** Of all answers together. */
  readonly budget?: AnswerBudget | undefined
  /** Milliseconds. */
  readonly clock?: () => number
}

export interface OpenApiPeer extends Peer {
  close(): void
}

const REFRESH_MS = 5 * 60_000
const MAX_BYTES = 4 * 1024 * 1024
const MAX_INSTRUCTIONS = 4_000
const NO_DOCUMENT = 'The OpenAPI document of this server cannot be used.'
const TTL_MS = 60_000
const TOOLS_ONLY: PeerAnswer = {
  kind: 'error',
  error: { code: METHOD_NOT_FOUND, message: 'This server has tools only.' },
}

export function createOpenApiPeer(needs: OpenApiPeerNeeds): OpenApiPeer {
  const { upstream, connections, report, refreshMs = REFRESH_MS, clock = Date.now } = needs
  const listeners = new Set<PeerHooks['notify']>()
  const check = createArgumentCheck()
  const maxBytes = Math.min(needs.maxBytes ?? MAX_BYTES, MAX_BYTES)
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
      if (cause instanceof Error && isLate(cause)) throw new PeerFailure('timed_out', { cause })
      throw new PeerFailure('unreachable', { cause, description: NO_DOCUMENT })
    })
  }

  return {
    discover: async () => discovery(await api()),
    async request(visitor, request, { signal }) {
      if (request.method === 'tools/list') return listed(await api())
      if (request.method === 'server/discover') return reach(connections, await api(), signal)
      if (request.method !== 'tools/call') return TOOLS_ONLY
      return call({ ...needs, maxBytes, check }, await api(), visitor, request, signal)
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

/** The document, by what ended the waiting for it: the time of its connection, or its own. */
function isLate({ cause }: Error): boolean {
  if (cause instanceof ConnectionFailure) return cause.reason === 'timed_out'
  return cause instanceof Error && cause.name === 'TimeoutError'
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
