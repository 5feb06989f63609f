// Owns the clients of the official SDKs for tests in which something changes while they listen, in both eras.

import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  PromptListChangedNotificationSchema,
  ResourceListChangedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import type { Teardown } from './database.ts'

export interface ListeningClient {
  /** How often each list was said to have changed. */
  readonly heard: { tools: number; prompts: number; resources: number }
  tools(): Promise<readonly string[]>
  /** The text of the result. */
  call(name: string): Promise<string>
}

type Listen = (t: Teardown, url: string, token: string) => Promise<ListeningClient>

export const LISTENERS: readonly (readonly [what: string, listen: Listen])[] = [
  ['a 2025 app', listenV1],
  ['a 2026-07-28 app', listenV2],
]

const INFO = { name: 'listener', version: '1' }

async function listenV1(t: Teardown, url: string, token: string): Promise<ListeningClient> {
  const client = new ClientV1(INFO)
  const heard = { tools: 0, prompts: 0, resources: 0 }
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard.tools++)
  client.setNotificationHandler(PromptListChangedNotificationSchema, () => void heard.prompts++)
  client.setNotificationHandler(ResourceListChangedNotificationSchema, () => void heard.resources++)
  const opened = Promise.withResolvers<void>()
  const watchedFetch: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init)
    if (init?.method === 'GET') opened.resolve()
    return answer
  }
  // SDK v1 was not written for exactOptionalPropertyTypes: its own transport does not fit its own interface.
  const connectable: { connect(transport: object): Promise<void> } = client
  await connectable.connect(
    new TransportV1(new URL(url), { requestInit: bearing(token), fetch: watchedFetch }),
  )
  t.teardown(() => client.close())
  await opened.promise
  return {
    heard,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name) => textOf(await client.callTool({ name, arguments: {} })),
  }
}

export async function listenV2(t: Teardown, url: string, token: string): Promise<ListeningClient> {
  const client = new ClientV2(INFO, { versionNegotiation: { mode: { pin: '2026-07-28' } } })
  const heard = { tools: 0, prompts: 0, resources: 0 }
  client.setNotificationHandler('notifications/tools/list_changed', () => void heard.tools++)
  client.setNotificationHandler('notifications/prompts/list_changed', () => void heard.prompts++)
  client.setNotificationHandler('notifications/resources/list_changed', () => void heard.resources++)
  await client.connect(new TransportV2(new URL(url), { requestInit: bearing(token) }))
  t.teardown(() => client.close())
  await client.listen({ toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true })
  return {
    heard,
    tools: async () => (await client.listTools({}, { cacheMode: 'bypass' })).tools.map(({ name }) => name),
    call: async (name) => textOf(await client.callTool({ name, arguments: {} })),
  }
}

function bearing(token: string) {
  return { headers: { authorization: `Bearer ${token}` } }
}

function textOf(result: object): string {
  const content = 'content' in result && Array.isArray(result.content) ? result.content : []
  return content.map((part: object) => ('text' in part ? String(part.text) : '')).join('')
}
