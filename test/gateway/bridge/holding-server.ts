// Owns a modern server whose tools wait for the test: to be let go, to be answered, or for ever.

import { createServer } from 'node:http'
import { toNodeHandler } from '@modelcontextprotocol/node'
import {
  type CallToolResult,
  createMcpHandler,
  inputRequired,
  inputResponse,
  McpServer,
  ResourceTemplate,
  type ServerCapabilities,
  type ServerNotifier,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Teardown } from '../stage.ts'

export interface HoldingServer {
  readonly url: string
  readonly notify: ServerNotifier
  /** Calls that are held now. */
  held(): number
  /** Calls that were left by the client before they were let go. */
  left(): number
  release(): void
  /** How often `ask_for_ever` was called. */
  asked(): number
  /** The person has been to this page, `first` or `second`, which `sign_in` waits for. */
  visit(page: string): void
  /** What every retry brought: state and responses. */
  readonly retries: unknown[]
  close(): Promise<void>
}

const CAPABILITIES = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  logging: {},
}

export interface HoldingOptions {
  readonly capabilities?: ServerCapabilities
  readonly port?: number
}

export async function startHoldingServer(
  t: Teardown,
  { capabilities = CAPABILITIES, port = 0 }: HoldingOptions = {},
): Promise<HoldingServer> {
  const state = { held: 0, left: 0, asked: 0, pages: ['first', 'second'], visited: new Set<string>() }
  const retries: unknown[] = []
  let gate = Promise.withResolvers<void>()
  const handler = createMcpHandler(build, { legacy: 'reject' })
  const answer = toNodeHandler(handler)
  const server = createServer((req, res) => {
    answer(Object.assign(req, { method: req.method ?? '', url: req.url ?? '' }), res).catch(() =>
      res.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const close = async () => {
    await handler.close()
    server.closeAllConnections()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  t.teardown(close)
  const address = server.address()
  const bound = typeof address === 'object' ? address?.port : undefined

  function build(): McpServer {
    const server = new McpServer({ name: 'holding', version: '1' }, { capabilities })
    if (capabilities.resources) registerAny(server)
    registerTools(server)
    return server
  }

  function registerAny(server: McpServer): void {
    const template = new ResourceTemplate('test://{name}', { list: undefined })
    server.registerResource('any', template, {}, (uri) => ({ contents: [{ uri: uri.href, text: 'any' }] }))
  }

  function registerTools(server: McpServer): void {
    server.registerTool(
      'hold',
      { inputSchema: z.object({ size: z.number().optional() }) },
      async ({ size = 0 }, ctx) => {
        await ctx.mcpReq.log('info', 'held')
        state.held++
        const leaving = new Promise<'left'>((resolve) =>
          ctx.mcpReq.signal.addEventListener('abort', () => resolve('left')),
        )
        if ((await Promise.race([gate.promise, leaving])) === 'left') state.left++
        state.held--
        return text(`released${'.'.repeat(size)}`)
      },
    )
    server.registerTool('ask', {}, async (ctx) => {
      const said = inputResponse(ctx.mcpReq.inputResponses, 'name')
      if (said.kind !== 'missing') {
        retries.push({ said, state: ctx.mcpReq.requestState() })
        return text(JSON.stringify(said))
      }
      const requestedSchema = { type: 'object' as const, properties: { name: { type: 'string' as const } } }
      return inputRequired({
        inputRequests: { name: inputRequired.elicit({ message: 'Name?', requestedSchema }) },
        requestState: ' exactly "this" ',
      })
    })
    server.registerTool('sample', {}, async (ctx) => {
      const said = inputResponse(ctx.mcpReq.inputResponses, 'sample')
      if (said.kind !== 'missing') return text(JSON.stringify(said))
      const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: 'Hello' } }]
      return inputRequired({
        inputRequests: { sample: inputRequired.createMessage({ messages, maxTokens: 5 }) },
      })
    })
    server.registerTool('ask_for_ever', {}, async () => {
      state.asked++
      const requestedSchema = { type: 'object' as const, properties: { more: { type: 'string' as const } } }
      return inputRequired({
        inputRequests: { more: inputRequired.elicit({ message: 'More?', requestedSchema }) },
      })
    })
    server.registerTool('open_link', {}, async (ctx) => {
      const said = inputResponse(ctx.mcpReq.inputResponses, 'link')
      if (said.kind !== 'missing') return text(JSON.stringify(said))
      const link = inputRequired.elicitUrl({ message: 'Sign in there.', url: 'https://example.com/connect' })
      return inputRequired({ inputRequests: { link } })
    })
    server.registerTool('sign_in', {}, async (ctx) => {
      const wanted = state.pages.find((page) => !state.visited.has(page))
      if (wanted === undefined) return text('signed in')
      retries.push(inputResponse(ctx.mcpReq.inputResponses, 'link').kind)
      const url = `https://example.com/${wanted}?attempt=${retries.length}`
      return inputRequired({
        inputRequests: { link: inputRequired.elicitUrl({ message: 'Sign in there.', url }) },
      })
    })
    server.registerTool('come_back', {}, async (ctx) =>
      ctx.mcpReq.requestState() === undefined ? inputRequired({ requestState: 'later' }) : text('came back'),
    )
  }

  return {
    url: `http://127.0.0.1:${bound}/mcp`,
    notify: handler.notify,
    held: () => state.held,
    left: () => state.left,
    release: () => {
      gate.resolve()
      gate = Promise.withResolvers<void>()
    },
    asked: () => state.asked,
    visit: (page) => void state.visited.add(page),
    retries,
    close,
  }
}

function text(value: string): CallToolResult {
  return { content: [{ type: 'text', text: value }] }
}
