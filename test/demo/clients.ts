// Owns the three MCP clients the demo upstream is tried with: SDK v1, and SDK v2 in either protocol era.

import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client'
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'

const INFO = { name: 'demo-test', version: '1.0.0' }

/** What a person answers to a question, or null for a client that cannot ask. */
export type Answer = { action: 'accept'; content: { confirm: boolean } } | { action: 'decline' }

export interface CallOptions {
  readonly signal?: AbortSignal
  readonly onprogress?: (progress: { progress: number; total?: number | undefined }) => void
}

export interface TriedClient {
  tools(): Promise<{ name: string; annotations?: { readOnlyHint?: boolean | undefined } | undefined }[]>
  /** The text of the result, and whether it is an error. */
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<[string, boolean]>
  read(uri: string): Promise<string>
  prompt(name: string, args: Record<string, string>): Promise<string>
  /** Questions the server asked. */
  readonly questions: string[]
  close(): Promise<void>
}

export type Connect = (url: string, answer: Answer | null) => Promise<TriedClient>

export const CLIENTS: readonly (readonly [string, Connect])[] = [
  ['SDK v1', connectV1],
  ['SDK v2, 2025 era', (url, answer) => connectV2(url, answer, 'legacy')],
  ['SDK v2, 2026-07-28', (url, answer) => connectV2(url, answer, { pin: '2026-07-28' })],
]

export async function connectV1(url: string, answer: Answer | null): Promise<TriedClient> {
  const client = new OldClient(INFO, { capabilities: answer ? { elicitation: {} } : {} })
  const questions: string[] = []
  if (answer) {
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      questions.push(params.message)
      return answer
    })
  }
  const transport = new OldTransport(new URL(url))
  // SDK v1 was not written for exactOptionalPropertyTypes: its own transport does not fit its own interface.
  const connectable: { connect(transport: object): Promise<void> } = client
  await connectable.connect(transport)
  return {
    questions,
    tools: async () => (await client.listTools()).tools,
    call: async (name, args = {}, options = {}) =>
      outcome(await client.callTool({ name, arguments: args }, undefined, options)),
    read: async (uri) => textOf((await client.readResource({ uri })).contents),
    prompt: async (name, args) =>
      textOf((await client.getPrompt({ name, arguments: args })).messages.map((message) => message.content)),
    close: async () => {
      await transport.terminateSession()
      await client.close()
    },
  }
}

type Era = 'legacy' | { pin: string }

async function connectV2(url: string, answer: Answer | null, mode: Era): Promise<TriedClient> {
  const capabilities = answer ? { elicitation: { form: {} } } : {}
  const client = new ModernClient(INFO, { capabilities, versionNegotiation: { mode } })
  const questions: string[] = []
  if (answer) {
    client.setRequestHandler('elicitation/create', ({ params }) => {
      questions.push(params.message)
      return answer
    })
  }
  const transport = new ModernTransport(new URL(url))
  await client.connect(transport)
  return {
    questions,
    tools: async () => (await client.listTools()).tools,
    call: async (name, args = {}, options = {}) =>
      outcome(await client.callTool({ name, arguments: args }, options)),
    read: async (uri) => textOf((await client.readResource({ uri })).contents),
    prompt: async (name, args) =>
      textOf((await client.getPrompt({ name, arguments: args })).messages.map((message) => message.content)),
    close: async () => {
      await transport.terminateSession()
      await client.close()
    },
  }
}

function outcome(result: object): [string, boolean] {
  const content = 'content' in result && Array.isArray(result.content) ? result.content : []
  return [textOf(content), 'isError' in result && result.isError === true]
}

function textOf(parts: readonly object[]): string {
  return parts.map((part) => ('text' in part ? String(part.text) : '')).join('')
}
