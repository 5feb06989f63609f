// Owns the tools that send something on the stream of their call, or close it.

import { setTimeout as sleep } from 'node:timers/promises'
import type { CallToolResult, McpServer } from '@modelcontextprotocol/server'

const PAUSE_MILLISECONDS = 50

export function registerStreamTools(server: McpServer): void {
  server.registerTool('test_tool_with_logging', { description: 'Logs three messages' }, async (ctx) => {
    await ctx.mcpReq.log('info', 'Tool execution started')
    await sleep(PAUSE_MILLISECONDS)
    await ctx.mcpReq.log('info', 'Tool processing data')
    await sleep(PAUSE_MILLISECONDS)
    await ctx.mcpReq.log('info', 'Tool execution completed')
    return text('Logged three messages.')
  })
  server.registerTool('test_logging_tool', { description: 'Logs one message' }, async (ctx) => {
    await ctx.mcpReq.log('info', 'Only a request with a log level sees this')
    return text('Logged one message.')
  })
  server.registerTool('test_tool_with_progress', { description: 'Reports progress thrice' }, async (ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken
    for (const progress of [0, 50, 100]) {
      if (progress > 0) await sleep(PAUSE_MILLISECONDS)
      if (progressToken === undefined) continue
      const params = { progressToken, progress, total: 100 }
      await ctx.mcpReq.notify({ method: 'notifications/progress', params })
    }
    return text('Reported progress.')
  })
  server.registerTool(
    'test_reconnection',
    { description: 'Closes the stream before it answers' },
    async (ctx) => {
      // 2025 era: the client resumes the stream and finds the answer there.
      ctx.http?.closeSSE?.()
      await sleep(2 * PAUSE_MILLISECONDS)
      return text('Answered after the stream was closed.')
    },
  )
}

function text(value: string): CallToolResult {
  return { content: [{ type: 'text', text: value }] }
}
