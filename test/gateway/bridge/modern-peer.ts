// Owns a peer for tests: nothing but a real modern server, asked by POST.

import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import {
  type Discovery,
  type Peer,
  type PeerAnswer,
  PeerFailure,
  type PeerHooks,
  type Visitor,
} from '../../../src/mcp/peer.ts'
import { isRecord, type Members } from '../../../src/mcp/rpc.ts'

const KEY = 'io.modelcontextprotocol/'
const VERSION = '2026-07-28'

export interface CountedPeer extends Peer {
  /** Requests and subscriptions that are open at the server now. */
  open(): number
  /** Subscriptions that the server has acknowledged so far. */
  acknowledged(): number
  /** What was asked so far. */
  readonly methods: readonly string[]
}

export function modernPeer(url: string): CountedPeer {
  let open = 0
  let ids = 0
  let acknowledged = 0
  const methods: string[] = []

  async function post(visitor: Visitor, method: string, params: Members, hooks: PeerHooks): Promise<Members> {
    methods.push(method)
    open++
    try {
      return await exchange(url, visitor, { id: ++ids, method, params }, hooks)
    } catch (error) {
      if (error instanceof PeerFailure || hooks.signal.aborted) throw error
      throw new PeerFailure('unreachable', { cause: error })
    } finally {
      open--
    }
  }

  return {
    open: () => open,
    acknowledged: () => acknowledged,
    methods,
    async discover(visitor, signal): Promise<Discovery> {
      const answer = answerIn(await post(visitor, 'server/discover', {}, { signal, notify: () => undefined }))
      const result = answer.kind === 'result' ? answer.result : {}
      const meta = isRecord(result._meta) ? result._meta : {}
      const serverInfo = meta[`${KEY}serverInfo`]
      return {
        capabilities: isRecord(result.capabilities) ? result.capabilities : {},
        serverInfo: isRecord(serverInfo) ? serverInfo : null,
        instructions: typeof result.instructions === 'string' ? result.instructions : null,
      }
    },
    async request(visitor, { method, params, inputResponses, requestState }, hooks) {
      const retry = {
        ...(inputResponses !== null && { inputResponses }),
        ...(requestState !== null && { requestState }),
      }
      return answerIn(await post(visitor, method, { ...params, ...retry }, hooks))
    },
    async listen(visitor, filter, hooks) {
      const notify: PeerHooks['notify'] = (notification) => {
        if (notification.method === 'notifications/subscriptions/acknowledged') acknowledged++
        hooks.notify(notification)
      }
      await post(visitor, 'subscriptions/listen', { notifications: filter }, { ...hooks, notify })
    },
  }
}

interface Posted {
  readonly id: number
  readonly method: string
  readonly params: Members
}

async function exchange(
  url: string,
  visitor: Visitor,
  { id, method, params }: Posted,
  { signal, notify }: PeerHooks,
): Promise<Members> {
  const name = params.name ?? params.uri
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': VERSION,
      'mcp-method': method,
      ...(typeof name === 'string' && { 'mcp-name': name }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id, method, params: enveloped(visitor, params) }),
    signal,
  })
  for await (const message of messagesIn(response)) {
    if (message.id === id) return message
    if (typeof message.method === 'string') notify({ method: message.method, params: paramsOf(message) })
  }
  throw new PeerFailure('unreachable')
}

function paramsOf({ params }: Members): Members {
  return isRecord(params) ? params : {}
}

function enveloped({ clientInfo, capabilities, logLevel }: Visitor, params: Members): Members {
  const meta = isRecord(params._meta) ? params._meta : {}
  return {
    ...params,
    _meta: {
      ...meta,
      [`${KEY}protocolVersion`]: VERSION,
      [`${KEY}clientCapabilities`]: capabilities,
      ...(clientInfo !== null && { [`${KEY}clientInfo`]: clientInfo }),
      ...(logLevel !== null && { [`${KEY}logLevel`]: logLevel }),
    },
  }
}

async function* messagesIn(response: Response): AsyncGenerator<Members> {
  if (response.headers.get('content-type')?.startsWith('application/json')) {
    const json: unknown = await response.json()
    if (isRecord(json)) yield json
    return
  }
  if (!response.body) return
  for await (const line of createInterface({ input: Readable.from(response.body) })) {
    const json: unknown = line.startsWith('data: {') ? JSON.parse(line.slice('data: '.length)) : null
    if (isRecord(json)) yield json
  }
}

function answerIn({ result, error }: Members): PeerAnswer {
  if (isRecord(error) && typeof error.code === 'number' && typeof error.message === 'string') {
    return {
      kind: 'error',
      error: { code: error.code, message: error.message, ...('data' in error && { data: error.data }) },
    }
  }
  return { kind: 'result', result: isRecord(result) ? { resultType: 'complete', ...result } : {} }
}
