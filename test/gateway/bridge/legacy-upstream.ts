// Owns a legacy upstream on the first SDK: sessions over Streamable HTTP, and a record of what it was sent.

import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { serveLocally } from '../../support/local-server.ts'
import type { Teardown } from '../stage.ts'

export interface Received {
  readonly httpMethod: string
  /** Of the JSON-RPC message; empty for a response. */
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
  readonly headers: IncomingMessage['headers']
}

export interface LegacyUpstream {
  readonly url: string
  readonly received: readonly Received[]
  sessions(): number
  /** As after a restart. */
  forgetSessions(): Promise<void>
  /** Connections that are open. */
  connections(): number
  /** How often a method was received. */
  count(method: string): number
}

export interface UpstreamOptions {
  /** How it refuses a session that it does not know. */
  readonly unknownSession?: (res: ServerResponse) => void
  /** May answer instead of the SDK. */
  readonly before?: (req: IncomingMessage, res: ServerResponse, body: unknown) => boolean
}

export async function serveLegacy(
  t: Teardown,
  build: () => McpServer,
  { unknownSession = (res) => void res.writeHead(404).end(), before = () => false }: UpstreamOptions = {},
): Promise<LegacyUpstream> {
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  const received: Received[] = []
  const sockets = new Set<object>()

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await readJson(req)
    received.push(recordOf(req, body))
    if (before(req, res, body)) return
    const id = req.headers['mcp-session-id']
    const known = typeof id === 'string' ? sessions.get(id) : undefined
    if (id !== undefined && !known) unknownSession(res)
    else await (known ?? (await openSession())).handleRequest(req, res, body)
  }

  async function openSession(): Promise<StreamableHTTPServerTransport> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    })
    // SDK v1 was not written for exactOptionalPropertyTypes: its own transport does not fit its own interface.
    const server: { connect(transport: object): Promise<void> } = build()
    await server.connect(transport)
    return transport
  }

  const server = createServer((req, res) => void handle(req, res).catch(() => res.destroy()))
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const origin = await serveLocally(t, server)
  return {
    url: `${origin}/mcp`,
    received,
    sessions: () => sessions.size,
    async forgetSessions() {
      const all = [...sessions.values()]
      sessions.clear()
      await Promise.all(all.map((transport) => transport.close()))
    },
    connections: () => sockets.size,
    count: (method) => received.filter((each) => each.method === method).length,
  }
}

function recordOf(req: IncomingMessage, body: unknown): Received {
  const message = isObject(body) ? body : {}
  const params = isObject(message.params) ? message.params : {}
  const method = typeof message.method === 'string' ? message.method : ''
  return { httpMethod: req.method ?? '', method, params, headers: req.headers }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

async function readJson(req: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString('utf8')
  return text === '' ? undefined : JSON.parse(text)
}
