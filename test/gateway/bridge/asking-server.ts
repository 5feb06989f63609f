// Owns a server on the first SDK whose tools ask the client for something in the middle of a call.

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import {
  CreateMessageResultSchema,
  ElicitResultSchema,
  ListRootsResultSchema,
  UrlElicitationRequiredError,
} from '@modelcontextprotocol/sdk/types.js'
import * as z from 'zod'

export interface AskingServers {
  build(): McpServer
  /** How often a tool was begun. */
  runs(tool: string): number
  /** Tools that were answered and wait to be cancelled. */
  waiting(): number
  /** Pages that the person has been to. */
  readonly visited: Set<string>
}

const NAME_SCHEMA = { type: 'object' as const, properties: { name: { type: 'string' as const } } }

export function askingServers(): AskingServers {
  const runs = new Map<string, number>()
  const visited = new Set<string>()
  let waiting = 0
  const begin = (tool: string) => runs.set(tool, (runs.get(tool) ?? 0) + 1)

  async function cancelled(signal: AbortSignal): Promise<void> {
    waiting++
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    waiting--
  }

  function build(): McpServer {
    const server = new McpServer({ name: 'asking', version: '1' })
    const elicit = (message: string) => ({
      method: 'elicitation/create' as const,
      params: { mode: 'form' as const, message, requestedSchema: NAME_SCHEMA },
    })
    server.registerTool(
      'ask',
      { inputSchema: { again: z.number().optional(), wait: z.boolean().optional() } },
      async ({ again = 0, wait = false }, extra) => {
        begin('ask')
        const answers: unknown[] = []
        for (let round = 0; round <= again; round++) {
          answers.push(await extra.sendRequest(elicit(`Question ${round + 1}`), ElicitResultSchema))
          if (wait) await cancelled(extra.signal)
        }
        return text(JSON.stringify(answers))
      },
    )
    server.registerTool('ask_impatiently', {}, async (extra) => {
      begin('ask_impatiently')
      const answer = extra.sendRequest(elicit('Quick?'), ElicitResultSchema, { timeout: 100 })
      const given = await answer.then(JSON.stringify, () => 'gave up')
      begin('gave_up')
      return text(given)
    })
    server.registerTool('ask_both', {}, async (extra) => {
      begin('ask_both')
      const sample = {
        messages: [{ role: 'user' as const, content: { type: 'text' as const, text: 'Hi' } }],
        maxTokens: 5,
      }
      const [person, model] = await Promise.all([
        extra.sendRequest(elicit('Who?'), ElicitResultSchema),
        extra.sendRequest({ method: 'sampling/createMessage', params: sample }, CreateMessageResultSchema),
      ])
      const { roots } = await extra.sendRequest({ method: 'roots/list' }, ListRootsResultSchema)
      return text(JSON.stringify([person.content, model.content, roots]))
    })
    server.registerTool('ask_with_meta', {}, async (extra) => {
      const _meta = { 'com.example/hint': 'red', progressToken: 7 }
      const form = elicit('With a hint?')
      const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: 'Hi' } }]
      await Promise.all([
        extra.sendRequest({ ...form, params: { ...form.params, _meta } }, ElicitResultSchema),
        extra.sendRequest(
          { method: 'sampling/createMessage', params: { messages, maxTokens: 5, _meta } },
          CreateMessageResultSchema,
        ),
        extra.sendRequest({ method: 'roots/list', params: { _meta } }, ListRootsResultSchema),
      ])
      return text('asked')
    })
    server.registerTool('ask_on_own_stream', {}, async () => {
      begin('ask_on_own_stream')
      const answer = await server.server.elicitInput({ message: 'Anybody?', requestedSchema: NAME_SCHEMA })
      return text(JSON.stringify(answer))
    })
    server.registerTool('ask_url', {}, async (extra) => {
      begin('ask_url')
      const params = {
        mode: 'url' as const,
        elicitationId: 'e1',
        message: 'Go there',
        url: 'https://up.example/go',
      }
      return text(
        JSON.stringify(await extra.sendRequest({ method: 'elicitation/create', params }, ElicitResultSchema)),
      )
    })
    server.registerTool('needs_url', {}, () => {
      begin('needs_url')
      if (visited.has('https://up.example/sign-in')) return text('signed in')
      throw new UrlElicitationRequiredError([
        { mode: 'url', elicitationId: 'e2', message: 'Sign in', url: 'https://up.example/sign-in' },
      ])
    })
    server.registerPrompt('asking_prompt', {}, async (extra) => {
      const { content } = await extra.sendRequest(elicit('For the prompt?'), ElicitResultSchema)
      return { messages: [{ role: 'user', content: { type: 'text', text: JSON.stringify(content) } }] }
    })
    return server
  }

  return { build, runs: (tool) => runs.get(tool) ?? 0, waiting: () => waiting, visited }
}

function text(value: string) {
  return { content: [{ type: 'text' as const, text: value }] }
}
