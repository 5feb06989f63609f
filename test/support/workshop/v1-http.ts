// Owns the workshop on the SDK v1 over Streamable HTTP, with sessions, as servers of the 2025 revisions are run.

import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { Teardown } from '../database.ts'
import { serveLocally } from '../local-server.ts'
import { noCounts } from './plan.ts'
import { buildWorkshopV1 } from './v1.ts'

export async function startWorkshopV1(t: Teardown): Promise<string> {
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  const counts = noCounts()

  async function open(): Promise<StreamableHTTPServerTransport> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    })
    // SDK v1 was not written for exactOptionalPropertyTypes: its own transport does not fit its own interface.
    const connectable: { connect(transport: object): Promise<void> } = buildWorkshopV1(counts)
    await connectable.connect(transport)
    return transport
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const id = req.headers['mcp-session-id']
    const known = sessions.get(String(id))
    if (id !== undefined && !known) res.writeHead(404).end()
    else await (known ?? (await open())).handleRequest(req, res)
  }

  const server = createServer((req, res) => void handle(req, res).catch(() => res.destroy()))
  return `${await serveLocally(t, server)}/mcp`
}
