// Owns the clients of the official SDKs for tests with several replicas: what each era calls asking, watching and cancelling.

import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema, ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'

export interface ReplicaClient {
  /** The text of the result. */
  call(name: string, args?: Record<string, unknown>, signal?: AbortSignal): Promise<string>
  /** How many questions were asked so far; each was answered with yes. */
  questions(): number
  /** Resolves when nothing is missed any more; the returned function ends it. */
  watch(uri: string): Promise<() => Promise<unknown>>
  updates(): number
  close(): Promise<void>
}

type Connect = (url: URL, fetch: typeof globalThis.fetch) => Promise<ReplicaClient>

const INFO = { name: 'replicas', version: '1' }
const YES = { action: 'accept' as const, content: { confirm: true } }

export const CONNECT: readonly (readonly [string, Connect])[] = [
  ['SDK v1', connectV1],
  ['SDK v2 in the legacy era', (url, fetch) => connectV2(url, fetch, 'legacy')],
  ['SDK v2 in the modern era', (url, fetch) => connectV2(url, fetch, 'modern')],
]

async function connectV1(url: URL, fetch: typeof globalThis.fetch): Promise<ReplicaClient> {
  const client = new ClientV1(INFO, { capabilities: { elicitation: {} } })
  let questions = 0
  let updates = 0
  client.setRequestHandler(ElicitRequestSchema, () => {
    questions++
    return YES
  })
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, () => void updates++)
  // SDK v1 was not written for exactOptionalPropertyTypes: its own transport does not fit its own interface.
  const connectable: { connect(transport: object): Promise<void> } = client
  await connectable.connect(new TransportV1(url, { fetch }))
  return {
    call: async (name, args = {}, signal) =>
      textOf(await client.callTool({ name, arguments: args }, undefined, signal && { signal })),
    questions: () => questions,
    watch: async (uri) => {
      await client.subscribeResource({ uri })
      return () => client.unsubscribeResource({ uri })
    },
    updates: () => updates,
    close: () => client.close(),
  }
}

async function connectV2(
  url: URL,
  fetch: typeof globalThis.fetch,
  era: 'legacy' | 'modern',
): Promise<ReplicaClient> {
  const mode = era === 'modern' ? { pin: '2026-07-28' } : era
  const client = new ClientV2(INFO, {
    capabilities: { elicitation: { form: {} } },
    versionNegotiation: { mode },
  })
  let questions = 0
  let updates = 0
  client.setRequestHandler('elicitation/create', () => {
    questions++
    return YES
  })
  client.setNotificationHandler('notifications/resources/updated', () => void updates++)
  await client.connect(new TransportV2(url, { fetch }))
  return {
    call: async (name, args = {}, signal) =>
      textOf(await client.callTool({ name, arguments: args }, signal && { signal })),
    questions: () => questions,
    async watch(uri) {
      if (era === 'modern') {
        const subscription = await client.listen({ resourceSubscriptions: [uri] })
        return () => subscription.close()
      }
      await client.subscribeResource({ uri })
      return () => client.unsubscribeResource({ uri })
    },
    updates: () => updates,
    close: () => client.close(),
  }
}

function textOf(result: object): string {
  const content: unknown[] = 'content' in result && Array.isArray(result.content) ? result.content : []
  return content
    .map((part) => (typeof part === 'object' && part !== null && 'text' in part ? String(part.text) : ''))
    .join('')
}
