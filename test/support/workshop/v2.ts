// Owns the workshop on the SDK v2, for one era or for both.

import {
  acceptedContent,
  inputRequired,
  inputResponse,
  McpServer,
  type ServerNotifier,
} from '@modelcontextprotocol/server'
import * as z from 'zod'
import { createEndpoint, type Era } from '../../../src/demo/endpoint.ts'
import { listen } from '../../../src/demo/listen.ts'
import type { Teardown } from '../database.ts'
import { type Counts, INFO, noCounts, PLAN, PLAN_URI, QUESTION, STEPS, text, waitLong } from './plan.ts'

const READ_ONLY = { annotations: { readOnlyHint: true } }
const COLOR = z.object({ color: z.string() })
const CAPABILITIES = { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } }

/** What all instances have in common. */
interface Shop {
  readonly counts: Counts
  readonly notify: ServerNotifier
  /** Whether there is the tool that comes and goes. */
  late: boolean
  /** Of the open sessions of the 2025 revisions: tells them of a change. */
  readonly sessions: Set<() => void>
}

export async function startWorkshopV2(t: Teardown, eras: readonly Era[]): Promise<string> {
  const endpoint = createEndpoint((era) => build(era, shop), { eras: new Set(eras) })
  const shop: Shop = { counts: noCounts(), notify: endpoint.notify, late: false, sessions: new Set() }
  const { url, close } = await listen(endpoint, '127.0.0.1', 0)
  t.teardown(close)
  return url
}

function build(era: Era, shop: Shop): McpServer {
  const server = new McpServer(INFO, { capabilities: CAPABILITIES })
  registerCalculations(server)
  registerQuestion(server)
  registerLongCalls(server, shop.counts)
  registerChange(server, era, shop)
  const argsSchema = z.object({ topic: z.string() })
  server.registerPrompt('review', { argsSchema }, ({ topic }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Review the ${topic}.` } }],
  }))
  server.registerResource('plan', PLAN_URI, { mimeType: 'text/plain' }, () => ({
    contents: [{ uri: PLAN_URI, mimeType: 'text/plain', text: PLAN }],
  }))
  return server
}

function registerCalculations(server: McpServer): void {
  const inputSchema = z.object({ a: z.number(), b: z.number() })
  const outputSchema = z.object({ sum: z.number() })
  server.registerTool('add', { ...READ_ONLY, inputSchema, outputSchema }, ({ a, b }) => ({
    ...text(`${a + b}`),
    structuredContent: { sum: a + b },
  }))
  server.registerTool('fail', {}, () => ({ ...text('The saw is broken.'), isError: true }))
  server.registerTool('steps', READ_ONLY, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken
    for (let progress = 1; progress <= STEPS; progress++) {
      if (progressToken === undefined) continue
      const params = { progressToken, progress, total: STEPS }
      await mcpReq.notify({ method: 'notifications/progress', params })
    }
    return text('Done.')
  })
}

function registerQuestion(server: McpServer): void {
  server.registerTool('ask', {}, ({ mcpReq: { inputResponses } }) => {
    const answer = inputResponse(inputResponses, 'color')
    if (answer.kind === 'elicit')
      return text(`${answer.action}: ${acceptedContent(inputResponses, 'color', COLOR)?.color}`)
    const color = inputRequired.elicit({ message: QUESTION, requestedSchema: COLOR })
    return inputRequired({ inputRequests: { color } })
  })
}

function registerLongCalls(server: McpServer, counts: Counts): void {
  server.registerTool('wait', READ_ONLY, async ({ mcpReq }) => {
    await waitLong(counts, mcpReq.signal)
    return text('It took long.')
  })
  const outputSchema = z.object({ waiting: z.number(), givenUp: z.number() })
  server.registerTool('waits', { ...READ_ONLY, outputSchema }, () => ({
    ...text(JSON.stringify(counts)),
    structuredContent: { ...counts },
  }))
}

/** The tool `late` comes and goes, and the plan changes with it. */
function registerChange(server: McpServer, era: Era, shop: Shop): void {
  const late = server.registerTool('late', READ_ONLY, () => text('Here I am.'))
  if (!shop.late) late.disable()
  if (era === 'legacy') followChanges(server, shop, () => late.update({ enabled: shop.late }))
  server.registerTool('change', {}, () => {
    shop.late = !shop.late
    shop.notify.toolsChanged()
    shop.notify.resourceUpdated(PLAN_URI)
    for (const tell of shop.sessions) tell()
    return text('Changed.')
  })
}

/** 2025 era: each session is told by itself, and of the plan when it asked for that. */
function followChanges({ server }: McpServer, shop: Shop, updateTools: () => void): void {
  let watched = false
  server.setRequestHandler('resources/subscribe', () => {
    watched = true
    return {}
  })
  server.setRequestHandler('resources/unsubscribe', () => {
    watched = false
    return {}
  })
  const tell = () => {
    updateTools()
    // A client that is just leaving misses it; there is nobody to tell.
    if (watched) server.sendResourceUpdated({ uri: PLAN_URI }).catch(() => undefined)
  }
  shop.sessions.add(tell)
  server.onclose = () => void shop.sessions.delete(tell)
}
