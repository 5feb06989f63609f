// Owns an upstream of 2024-11-05: the HTTP+SSE transport of the SDK v1 behind a real HTTP server.

import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import * as z from 'zod'
import { closed, listenLocally } from './local-server.ts'

export interface SseServer {
  readonly url: string
  /** Of every request, in order. */
  readonly seen: { readonly method: string; readonly headers: IncomingHttpHeaders }[]
  sessionCount(): number
  /** As a restart would. */
  forgetSessions(): void
  close(): Promise<void>
}

export async function startSseServer(build: () => McpServer = buildServer): Promise<SseServer> {
  const transports = new Map<string, SSEServerTransport>()
  const streams = new Set<ServerResponse>()
  const seen: SseServer['seen'] = []
  const server = createServer(async (req, res) => {
    seen.push({ method: req.method ?? '', headers: req.headers })
    const url = new URL(req.url ?? '', 'http://localhost')
    if (req.method === 'GET') {
      const transport = new SSEServerTransport('/messages', res)
      transports.set(transport.sessionId, transport)
      streams.add(res)
      res.on('close', () => {
        transports.delete(transport.sessionId)
        streams.delete(res)
      })
      await build().connect(transport)
      return
    }
    const transport = transports.get(url.searchParams.get('sessionId') ?? '')
    if (transport) await transport.handlePostMessage(req, res)
    else res.writeHead(404).end('Session not found')
  })
  const port = await listenLocally(server)
  return {
    url: `http://127.0.0.1:${port}/sse`,
    seen,
    sessionCount: () => transports.size,
    forgetSessions() {
      for (const stream of streams) stream.destroy()
      transports.clear()
    },
    close: () => closed(server),
  }
}

function buildServer(): McpServer {
  const server = new McpServer({ name: 'old', version: '1.0.0' })
  server.registerTool(
    'hello',
    { inputSchema: { name: z.string() }, annotations: { readOnlyHint: true } },
    ({ name }) => ({ content: [{ type: 'text', text: `Hello ${name}` }] }),
  )
  server.registerTool('ask', {}, async () => {
    const answer = await server.server.elicitInput({
      message: 'What is your name?',
      requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
    })
    return { content: [{ type: 'text', text: JSON.stringify(answer) }] }
  })
  return server
}
