// Owns the slow tool of the demo upstream: it reports progress at every step and stops when it is cancelled.

import { setTimeout as sleep } from 'node:timers/promises'
import type { McpServer, ServerContext } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { text } from './tools.ts'

const COUNTDOWN = z.object({
  from: z.int().min(1).max(100).default(5).describe('Number of steps'),
  interval_ms: z.int().min(1).max(5_000).default(1_000).describe('Milliseconds between two steps'),
})

export function registerCountdown(server: McpServer): void {
  server.registerTool(
    'countdown',
    {
      title: 'Count down slowly',
      description: 'Counts down to zero, one step per interval, and reports progress at every step.',
      inputSchema: COUNTDOWN,
      annotations: {
        title: 'Count down slowly',
        readOnlyHint: true,
        idempotentHint: true,
        openWorldHint: false,
      },
    },
    async ({ from, interval_ms: interval }, ctx) => {
      for (let step = 1; step <= from; step++) {
        // The signal fires on notifications/cancelled (2025) and when the client closes the stream (2026-07-28).
        await sleep(interval, undefined, { signal: ctx.mcpReq.signal })
        await reportProgress(ctx, step, from)
      }
      return text(`Counted down from ${from}.`)
    },
  )
}

/** A server must not report progress that nobody asked for: only a request with a token gets it. */
async function reportProgress(ctx: ServerContext, progress: number, total: number): Promise<void> {
  const progressToken = ctx.mcpReq._meta?.progressToken
  if (progressToken === undefined) return
  const message = `${total - progress} to go`
  await ctx.mcpReq.notify({
    method: 'notifications/progress',
    params: { progressToken, progress, total, message },
  })
}
