// Owns the everything-server: an upstream of both protocol eras with whatever the conformance suite asks a server for.

import { McpServer, type ServerNotifier } from '@modelcontextprotocol/server'
import { createEndpoint, type EndpointOptions, type Era } from '../../src/demo/endpoint.ts'
import { type Listening, listen } from '../../src/demo/listen.ts'
import { registerAskingTools } from './everything/asking-tools.ts'
import { registerChangeTools } from './everything/change-tools.ts'
import { registerContentTools } from './everything/content-tools.ts'
import { registerInputRequiredTools, STATE } from './everything/input-required-tools.ts'
import { registerPrompts } from './everything/prompts.ts'
import { offerSubscriptions, registerResources } from './everything/resources.ts'
import { registerSchemaTools } from './everything/schema-tools.ts'
import { registerStreamTools } from './everything/stream-tools.ts'

const CAPABILITIES = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  prompts: { listChanged: true },
  logging: {},
  completions: {},
}

export interface EverythingServer extends Listening {
  /** 2025-era sessions that are open now. */
  sessionCount(): number
}

export async function startEverythingServer(
  options: EndpointOptions & { port?: number } = {},
): Promise<EverythingServer> {
  const endpoint = createEndpoint((era) => buildEverything(era, () => endpoint.notify), options)
  const { url, close } = await listen(endpoint, '127.0.0.1', options.port ?? 0)
  return { url, close, sessionCount: () => endpoint.sessions.count() }
}

function buildEverything(era: Era, notify: () => ServerNotifier): McpServer {
  const server = new McpServer(
    { name: 'everything', version: '1.0.0' },
    { capabilities: CAPABILITIES, requestState: { verify: STATE.verify } },
  )
  registerContentTools(server)
  registerStreamTools(server)
  registerAskingTools(server)
  registerInputRequiredTools(server)
  registerSchemaTools(server)
  registerChangeTools(server, notify)
  registerResources(server)
  registerPrompts(server)
  if (era === 'legacy') offerSubscriptions(server)
  return server
}
