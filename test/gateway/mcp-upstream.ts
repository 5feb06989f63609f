// Owns an upstream of one protocol era on the SDK, which lets in only whom its operator lets in.

import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, type McpServer } from '@modelcontextprotocol/server'
import { serveLocally } from '../support/local-server.ts'
import type { Teardown } from './stage.ts'

export type Era = 'legacy' | 'modern'

export interface McpUpstream {
  readonly url: string
  /** Legacy sessions that are open. */
  sessions(): number
  /** Requests with this HTTP method so far. */
  count(method: string): number
}

type Handle = (req: IncomingMessage, res: ServerResponse) => Promise<void>

export async function serveMcp(
  t: Teardown,
  buildServer: () => McpServer,
  era: Era,
  required: Readonly<Record<string, string>> = {},
): Promise<McpUpstream> {
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>()
  const handle = era === 'modern' ? handleModern(buildServer) : handleLegacy(buildServer, sessions)
  const methods: string[] = []
  const server = createServer((req, res) => {
    methods.push(req.method ?? '')
    const known = Object.entries(required).every(([name, value]) => req.headers[name] === value)
    if (known) handle(req, res).catch(() => res.destroy())
    else res.writeHead(401).end()
  })
  const origin = await serveLocally(t, server)
  return {
    url: `${origin}/mcp`,
    sessions: () => sessions.size,
    count: (method) => methods.filter((each) => each === method).length,
  }
}

function handleModern(buildServer: () => McpServer): Handle {
  const handler = toNodeHandler(createMcpHandler(buildServer, { legacy: 'reject' }))
  return (req, res) => handler(Object.assign(req, { method: req.method ?? '', url: req.url ?? '' }), res)
}

function handleLegacy(
  buildServer: () => McpServer,
  sessions: Map<string, NodeStreamableHTTPServerTransport>,
): Handle {
  return async (req, res) => {
    const id = req.headers['mcp-session-id']
    const known = typeof id === 'string' ? sessions.get(id) : undefined
    if (id !== undefined && !known) res.writeHead(404).end()
    else await (known ?? (await openSession(buildServer, sessions))).handleRequest(req, res)
  }
}

async function openSession(
  buildServer: () => McpServer,
  sessions: Map<string, NodeStreamableHTTPServerTransport>,
): Promise<NodeStreamableHTTPServerTransport> {
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => void sessions.set(id, transport),
    onsessionclosed: (id) => void sessions.delete(id),
  })
  await buildServer().connect(transport)
  return transport
}
