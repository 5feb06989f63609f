// Owns an MCP server of the newer generation (SDK v2) as a program, which speaks both eras.

import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import * as z from 'zod'

serveStdio(() => {
  const server = new McpServer({ name: 'v2-program', version: '1.0.0' })
  server.registerTool(
    'hello',
    { inputSchema: z.object({ name: z.string() }), annotations: { readOnlyHint: true } },
    ({ name }) => ({ content: [{ type: 'text', text: `Hello ${name}, from ${process.pid}` }] }),
  )
  return server
})
