// Owns an upstream that does whatever a test tells it to, and remembers each byte that it was sent.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { listenLocally } from './local-server.ts'

/** A request as it arrived. */
export interface Arrival {
  readonly method: string
  readonly path: string
  /** Names in lower case; every value that was sent under one. */
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly body: string
  /** Settles when the connection, or this answer, is over. */
  readonly closed: Promise<void>
}

export type Script = (arrival: Arrival, res: ServerResponse) => void

export interface HostileUpstream {
  /** Of its MCP endpoint. */
  readonly url: string
  readonly arrivals: readonly Arrival[]
  /** Everything that came in, on all connections. */
  raw(): string
  /** How it answers from now on. */
  answer(script: Script): void
  /** The next request, or the one that is there already and was not asked for yet. */
  next(): Promise<Arrival>
  connections(): number
  close(): Promise<void>
}

/** Answers each request with `{"ok":true}` and everything else with 202, until it is told otherwise. */
export const obliging: Script = (arrival, res) => {
  const message = parsed(arrival.body)
  const results = (Array.isArray(message) ? message : [message]).flatMap(resultOf)
  if (results.length === 0) res.writeHead(202).end()
  else json(res, 200, Array.isArray(message) ? results : results[0])
}

export function json(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** Opens an event stream and leaves it open. */
export function events(res: ServerResponse, headers: Record<string, string> = {}): void {
  res.writeHead(200, { 'content-type': 'text/event-stream', ...headers })
  res.flushHeaders()
}

export async function startHostileUpstream(t: {
  teardown(close: () => Promise<void>): unknown
}): Promise<HostileUpstream> {
  const arrivals: Arrival[] = []
  const waiting: ((arrival: Arrival) => void)[] = []
  const chunks: Buffer[] = []
  const sockets = new Set<Socket>()
  let script = obliging
  let taken = 0

  const server = createServer({ maxHeaderSize: 64 * 1024 }, (req, res) => void receive(req, res))
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })

  async function receive(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const closed = new Promise<void>((resolve) => res.once('close', resolve))
    const arrival: Arrival = {
      method: req.method ?? '',
      path: req.url ?? '',
      headers: grouped(req.rawHeaders),
      body: await text(req),
      closed,
    }
    arrivals.push(arrival)
    waiting.shift()?.(arrival)
    script(arrival, res)
  }

  const port = await listenLocally(server)
  const upstream: HostileUpstream = {
    url: `http://127.0.0.1:${port}/mcp`,
    arrivals,
    raw: () => Buffer.concat(chunks).toString('latin1'),
    answer(next) {
      script = next
    },
    async next() {
      const arrival = arrivals[taken++]
      return arrival ?? new Promise((resolve) => waiting.push(resolve))
    },
    connections: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
  t.teardown(upstream.close)
  return upstream
}

function grouped(rawHeaders: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = {}
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? ''
    headers[name] = [...(headers[name] ?? []), rawHeaders[at + 1] ?? '']
  }
  return headers
}

async function text(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** Nothing for what is no request. */
function resultOf(message: unknown): readonly object[] {
  const isRequest = typeof message === 'object' && message !== null && 'id' in message && 'method' in message
  return isRequest ? [{ jsonrpc: '2.0', id: message.id, result: { ok: true } }] : []
}
