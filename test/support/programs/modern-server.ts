// Owns an MCP server as a program that speaks 2026-07-28 and nothing else.

import { setTimeout as sleep } from 'node:timers/promises'
import { acceptedContent, inputRequired, McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import * as z from 'zod'
import { registerCountdown } from '../../../src/demo/countdown.ts'
import { registerHello, text } from '../../../src/demo/tools.ts'

const CONFIRMATION = z.object({ confirm: z.boolean() })
let grown = 0

serveStdio(
  () => {
    const server = new McpServer({ name: 'modern-program', version: '1.0.0' })
    registerHello(server)
    registerCountdown(server)
    server.registerTool('ask', {}, (ctx) => {
      const told = acceptedContent(ctx.mcpReq.inputResponses, 'confirm', CONFIRMATION)
      if (told) return text(`confirmed: ${told.confirm}`)
      const form = { message: 'Really?', requestedSchema: CONFIRMATION }
      return inputRequired({ inputRequests: { confirm: inputRequired.elicit(form) } })
    })
    server.registerTool('repeat', { inputSchema: z.object({ name: z.string() }) }, ({ name }) => text(name))
    server.registerTool('grow', {}, () => {
      server.registerTool(`grown_${++grown}`, {}, () => text('grown'))
      return text('grew')
    })
    server.registerTool('hold', {}, async (ctx) => {
      process.stderr.write('holding\n')
      await sleep(60_000, undefined, { signal: ctx.mcpReq.signal }).catch(() =>
        process.stderr.write('let go\n'),
      )
      return text('held')
    })
    return server
  },
  { legacy: 'reject' },
)
