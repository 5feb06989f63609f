// Owns the server behind mcp-proxy, which starts its server itself: JSON lines in, JSON lines out, as little work as can be.

import { createInterface } from 'node:readline'
import { FAST_ANSWER } from '../request.ts'

const { result: called } = JSON.parse(FAST_ANSWER)
const tools = [{ name: 'fast', inputSchema: { type: 'object' } }]

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  if (id === undefined) return
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(method, params) })}\n`)
})

function resultOf(method: string, params: { readonly protocolVersion?: string }): object {
  if (method === 'tools/call') return called
  if (method === 'tools/list') return { tools }
  const { protocolVersion } = params
  return { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'bench', version: '1.0.0' } }
}
