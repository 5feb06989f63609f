// Owns what the demo upstream offers: one MCP server instance with every tool, resource and prompt.

import { McpServer } from '@modelcontextprotocol/server'
import { registerClearNotes } from './clear-notes.ts'
import { registerCountdown } from './countdown.ts'
import type { Era } from './endpoint.ts'
import type { Notebook } from './notebook.ts'
import { offerSubscriptions, registerPrompt, registerResources } from './resources.ts'
import { registerAddNote, registerAddNumbers, registerHello, registerListNotes } from './tools.ts'

const INSTRUCTIONS =
  'A demo server to try a client with. Start with hello; countdown shows progress; clear_notes asks for confirmation.'

/** One instance per session (2025 era) or per request (2026-07-28); the notebook outlives them all. */
export function buildDemoServer(era: Era, notebook: Notebook): McpServer {
  const server = new McpServer(
    { name: 'gatehouse-demo', title: 'Gatehouse demo', version: '1.0.0' },
    { instructions: INSTRUCTIONS, capabilities: { resources: { subscribe: true, listChanged: true } } },
  )
  registerHello(server)
  registerAddNumbers(server)
  registerCountdown(server)
  registerListNotes(server, notebook)
  registerAddNote(server, notebook)
  registerClearNotes(server, notebook)
  registerResources(server, notebook)
  registerPrompt(server, notebook)
  if (era === 'legacy') offerSubscriptions(server, notebook)
  return server
}
