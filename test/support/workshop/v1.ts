// Owns the workshop on the SDK v1: one of everything that a server of the 2025 revisions has.

import { McpServer, type RegisteredTool } from '@modelcontextprotocol/sdk/server/mcp.js'
import { SubscribeRequestSchema, UnsubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import * as z from 'zod'
import { type Counts, INFO, PLAN, PLAN_URI, QUESTION, STEPS, text, waitLong } from './plan.ts'

const READ_ONLY = { annotations: { readOnlyHint: true } }
const CAPABILITIES = { resources: { subscribe: true, listChanged: true }, logging: {} }
const COLOR = {
  message: QUESTION,
  requestedSchema: { type: 'object' as const, properties: { color: { type: 'string' as const } } },
}

/** One for each session; the counts outlive them all. */
export function buildWorkshopV1(counts: Counts): McpServer {
  const server = new McpServer(INFO, { capabilities: CAPABILITIES })
  registerCalculations(server)
  registerQuestions(server)
  registerLongCalls(server, counts)
  registerChange(server)
  const argsSchema = { topic: z.string() }
  server.registerPrompt('review', { argsSchema }, ({ topic }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Review the ${topic}.` } }],
  }))
  server.registerResource('plan', PLAN_URI, { mimeType: 'text/plain' }, () => ({
    contents: [{ uri: PLAN_URI, mimeType: 'text/plain', text: PLAN }],
  }))
  return server
}

function registerCalculations(server: McpServer): void {
  const add = {
    ...READ_ONLY,
    inputSchema: { a: z.number(), b: z.number() },
    outputSchema: { sum: z.number() },
  }
  server.registerTool('add', add, ({ a, b }) => ({
    ...text(`${a + b}`),
    structuredContent: { sum: a + b },
  }))
  server.registerTool('fail', {}, () => ({ ...text('The saw is broken.'), isError: true }))
  server.registerTool('steps', READ_ONLY, async ({ _meta, sendNotification }) => {
    const progressToken = _meta?.progressToken
    for (let progress = 1; progress <= STEPS; progress++) {
      if (progressToken === undefined) continue
      const params = { progressToken, progress, total: STEPS }
      await sendNotification({ method: 'notifications/progress', params })
    }
    return text('Done.')
  })
}

function registerQuestions(server: McpServer): void {
  server.registerTool('ask', {}, async ({ requestId }) => {
    const answer = await server.server.elicitInput(COLOR, { relatedRequestId: requestId })
    return text(`${answer.action}: ${answer.content?.color}`)
  })
  // As most servers do, which know of no related request: over Streamable HTTP it goes to the stream that stands by.
  server.registerTool('ask_aside', {}, async () => {
    const answer = await server.server.elicitInput(COLOR)
    return text(`${answer.action}: ${answer.content?.color}`)
  })
}

function registerLongCalls(server: McpServer, counts: Counts): void {
  server.registerTool('wait', READ_ONLY, async ({ signal }) => {
    await waitLong(counts, signal)
    return text('It took long.')
  })
  const outputSchema = { waiting: z.number(), givenUp: z.number() }
  server.registerTool('waits', { ...READ_ONLY, outputSchema }, () => ({
    ...text(JSON.stringify(counts)),
    structuredContent: { ...counts },
  }))
}

/** The tool `late` comes and goes, and the plan changes with it. */
function registerChange(server: McpServer): void {
  const late: RegisteredTool = server.registerTool('late', READ_ONLY, () => text('Here I am.'))
  late.disable()
  let watched = false
  server.server.setRequestHandler(SubscribeRequestSchema, () => {
    watched = true
    return {}
  })
  server.server.setRequestHandler(UnsubscribeRequestSchema, () => {
    watched = false
    return {}
  })
  server.registerTool('change', {}, async () => {
    if (late.enabled) late.disable()
    else late.enable()
    if (watched) await server.server.sendResourceUpdated({ uri: PLAN_URI })
    return text('Changed.')
  })
}
