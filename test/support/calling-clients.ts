// Owns the official SDKs' clients as a test uses them that has a token already: one manner of speaking for all of them.

import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  ElicitRequestSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import * as z from 'zod'

export interface ToolResult {
  readonly text: string
  readonly structured: unknown
  readonly isError: boolean
}

export interface Calling {
  readonly signal?: AbortSignal
  readonly onprogress?: (at: number) => void
}

export interface SdkClient {
  /** Of the revision that both sides agreed on. */
  version(): string | undefined
  tools(): Promise<readonly string[]>
  call(name: string, args?: Record<string, unknown>, calling?: Calling): Promise<ToolResult>
  prompts(): Promise<readonly string[]>
  /** The text of its messages. */
  prompt(name: string, args: Record<string, string>): Promise<string>
  resources(): Promise<readonly string[]>
  /** The text of its contents, after their URI. */
  read(uri: string): Promise<string>
  /** To changes of the list of tools, and of this resource, in the manner of its era. */
  watch(uri: string): Promise<void>
  /** `tools`, or the URI of what changed. */
  readonly heard: string[]
  close(): Promise<void>
}

/** What the person at the client says to a question; the URL of a link that is to be opened. */
export type AnswerQuestion = (asked: {
  readonly message: string
  readonly url: string | null
}) => Promise<Record<string, string>>

export type StartClient = (url: string, token: string, answer: AnswerQuestion) => Promise<SdkClient>

export const SDK_CLIENTS: readonly (readonly [name: string, start: StartClient])[] = [
  ['the SDK v1', startV1],
  ['the SDK v2 in the 2025 era', (...given) => startV2('legacy', ...given)],
  ['the SDK v2 of 2026-07-28', (...given) => startV2({ pin: '2026-07-28' }, ...given)],
]

const INFO = { name: 'Tester', version: '1.0.0' }
const CAPABILITIES = { elicitation: { form: {}, url: {} } }

const result = z.object({
  content: z.array(z.object({ text: z.string().default('') })),
  structuredContent: z.unknown().optional(),
  isError: z.boolean().default(false),
})
const messages = z.array(z.object({ content: z.object({ text: z.string() }) }))
const contents = z.array(z.object({ uri: z.string(), text: z.string() }))
const question = z.object({ message: z.string(), url: z.string().nullable().default(null) })

function readResult(answer: unknown): ToolResult {
  const { content, structuredContent, isError } = result.parse(answer)
  return { text: content.map(({ text }) => text).join(), structured: structuredContent, isError }
}

function readMessages(given: unknown): string {
  return messages
    .parse(given)
    .map(({ content }) => content.text)
    .join()
}

function readContents(given: unknown): string {
  return contents
    .parse(given)
    .map(({ uri, text }) => `${uri} ${text}`)
    .join()
}

async function accept(answer: AnswerQuestion, params: unknown) {
  return { action: 'accept' as const, content: await answer(question.parse(params)) }
}

function optionsOf({ signal, onprogress }: Calling) {
  return {
    ...(signal && { signal }),
    ...(onprogress && { onprogress: ({ progress }: { progress: number }) => onprogress(progress) }),
  }
}

function requestInitFor(token: string) {
  return { headers: { authorization: `Bearer ${token}` } }
}

async function startV1(url: string, token: string, answer: AnswerQuestion): Promise<SdkClient> {
  const client = new ClientV1(INFO, { capabilities: CAPABILITIES })
  const heard: string[] = []
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => accept(answer, params))
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard.push('tools'))
  client.setNotificationHandler(
    ResourceUpdatedNotificationSchema,
    ({ params }) => void heard.push(params.uri),
  )
  const transport = new TransportV1(new URL(url), { requestInit: requestInitFor(token) })
  // SDK v1 was not written for exactOptionalPropertyTypes: its own transport does not fit its own interface.
  const connectable: { connect(transport: object): Promise<void> } = client
  await connectable.connect(transport)
  return {
    version: () => transport.protocolVersion,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, calling = {}) =>
      readResult(await client.callTool({ name, arguments: args }, undefined, optionsOf(calling))),
    prompts: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    prompt: async (name, args) => readMessages((await client.getPrompt({ name, arguments: args })).messages),
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    read: async (uri) => readContents((await client.readResource({ uri })).contents),
    watch: async (uri) => void (await client.subscribeResource({ uri })),
    heard,
    close: () => client.close(),
  }
}

async function startV2(
  mode: 'legacy' | { pin: string },
  url: string,
  token: string,
  answer: AnswerQuestion,
): Promise<SdkClient> {
  const client = new ClientV2(INFO, { capabilities: CAPABILITIES, versionNegotiation: { mode } })
  const heard: string[] = []
  client.setRequestHandler('elicitation/create', ({ params }) => accept(answer, params))
  client.setNotificationHandler('notifications/tools/list_changed', () => void heard.push('tools'))
  client.setNotificationHandler(
    'notifications/resources/updated',
    ({ params }) => void heard.push(params.uri),
  )
  await client.connect(new TransportV2(new URL(url), { requestInit: requestInitFor(token) }))
  const watch = (uri: string) =>
    mode === 'legacy'
      ? client.subscribeResource({ uri })
      : client.listen({ toolsListChanged: true, resourceSubscriptions: [uri] })
  return {
    version: () => client.getNegotiatedProtocolVersion(),
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, calling = {}) =>
      readResult(await client.callTool({ name, arguments: args }, optionsOf(calling))),
    prompts: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    prompt: async (name, args) => readMessages((await client.getPrompt({ name, arguments: args })).messages),
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    read: async (uri) => readContents((await client.readResource({ uri })).contents),
    watch: async (uri) => void (await watch(uri)),
    heard,
    close: () => client.close(),
  }
}
