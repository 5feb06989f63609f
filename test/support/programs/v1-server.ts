// Owns an MCP server of the older generation (SDK v1) as a program.

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import * as z from 'zod'

const server = new McpServer({ name: 'v1-program', version: '1.0.0' }, { capabilities: { logging: {} } })

server.registerTool(
  'hello',
  { inputSchema: { name: z.string() }, annotations: { readOnlyHint: true } },
  ({ name }) => ({ content: [{ type: 'text', text: `Hello ${name}, from ${process.pid}` }] }),
)

server.registerTool('environment', { annotations: { readOnlyHint: true } }, () => ({
  content: [{ type: 'text', text: JSON.stringify(Object.keys(process.env).sort()) }],
}))

server.registerTool('ask', {}, async () => {
  const answer = await server.server.elicitInput({
    message: 'What is your name?',
    requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
  })
  return { content: [{ type: 'text', text: JSON.stringify(answer) }] }
})

server.registerTool('crash', {}, () => process.exit(3))

process.stderr.write('the v1 program is ready\n')
await server.connect(new StdioServerTransport())
