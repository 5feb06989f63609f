// Owns what the tests of the peers share: a visitor, an upstream at an address, and plain local servers that say what they are told.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { PeerHooks, PeerRequest, Visitor } from '../../src/mcp/peer.ts'
import { isRecord, type Members, type RpcNotification } from '../../src/mcp/rpc.ts'
import type { Caller } from '../../src/oauth/caller.ts'
import type { HttpUpstream } from '../../src/upstreams/registry.ts'
import { createUpstream } from '../../src/upstreams/settings.ts'

export interface Teardown {
  teardown(close: () => unknown): unknown
}

export function callerOf(subject = 'usr_alice'): Caller {
  return {
    subject,
    clientId: 'client-1',
    grantId: null,
    scopes: new Set(['notes']),
    groups: new Set(),
    resource: 'https://gate.example/mcp/notes',
    consentedAt: null,
    issuedAt: 0,
    expiresAt: Number.MAX_SAFE_INTEGER,
  }
}

export function visitorOf(given: Partial<Visitor> = {}): Visitor {
  return {
    caller: callerOf(),
    clientInfo: { name: 'test', version: '1' },
    capabilities: {},
    logLevel: null,
    trace: {},
    ...given,
  }
}

export function upstreamAt(url: string, headers: Readonly<Record<string, string>> = {}): HttpUpstream {
  const upstream = createUpstream({ name: 'notes', title: 'Notes', url, headers })
  if (upstream.kind !== 'http') throw new Error('not over HTTP')
  return upstream
}

export function asking(method: string, params: Members = {}, rest: Partial<PeerRequest> = {}): PeerRequest {
  return { method, params, inputResponses: null, requestState: null, ...rest }
}

export interface Listening extends PeerHooks {
  readonly heard: RpcNotification[]
  leave(): void
}

export function listening(): Listening {
  const leaving = new AbortController()
  const heard: RpcNotification[] = []
  return {
    heard,
    signal: leaving.signal,
    notify: (notification) => void heard.push(notification),
    leave: () => leaving.abort(),
  }
}

export interface Received {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly body: Members
}

export interface Plain {
  readonly url: string
  readonly received: readonly Received[]
}

/** Answers as it is told; `received` is what came. */
export async function servePlainly(
  t: Teardown,
  answer: (received: Received) => void,
  port = 0,
): Promise<Plain> {
  const received: Received[] = []
  const server = createServer(async (req, res) => {
    const json: unknown = JSON.parse((await text(req)) || '{}')
    const one = { req, res, body: isRecord(json) ? json : {} }
    received.push(one)
    answer(one)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  const at = address !== null && typeof address === 'object' ? address.port : 0
  return { url: `http://127.0.0.1:${at}/mcp`, received }
}

export function sendJson({ res }: Received, status: number, json: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
}

export function sendResult(received: Received, result: Members): void {
  sendJson(received, 200, { jsonrpc: '2.0', id: received.body.id, result })
}

export function sendError(received: Received, status: number, code: number, data?: unknown): void {
  const error = { code, message: 'no', ...(data !== undefined && { data }) }
  sendJson(received, status, { jsonrpc: '2.0', id: received.body.id ?? null, error })
}
