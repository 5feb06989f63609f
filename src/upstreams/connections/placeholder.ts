// Owns what an upstream shows of itself before there is a login: one tool, which leads to it. Pure.

import type { Discovery, PeerAnswer, PeerRequest } from '../../mcp/peer.ts'
import type { Members } from '../../mcp/rpc.ts'
import type { Upstream } from '../registry.ts'
import { isShared, wantsLogin } from './binding.ts'

/** Its title would do, but for the characters. */
export function connectToolName({ name }: Upstream): string {
  return `connect_${name.replace(/-/g, '_')}`
}

export function isConnectTool({ method, params }: PeerRequest, upstream: Upstream): boolean {
  return method === 'tools/call' && params.name === connectToolName(upstream)
}

/** What there is before the login. Nothing of it is to be kept. */
export function emptyAnswer({ method }: PeerRequest, upstream: Upstream): PeerAnswer | null {
  const nothing = EMPTY.get(method)
  if (nothing === undefined) return null
  const found = method === 'tools/list' ? { tools: [connectTool(upstream)] } : nothing
  return {
    kind: 'result',
    result: { resultType: 'complete', ttlMs: 0, cacheScope: 'private', ...found },
  }
}

const EMPTY: ReadonlyMap<string, Members> = new Map([
  ['tools/list', { tools: [] }],
  ['prompts/list', { prompts: [] }],
  ['resources/list', { resources: [] }],
  ['resources/templates/list', { resourceTemplates: [] }],
])

function whyConnect(upstream: Upstream): string {
  if (wantsLogin(upstream) && isShared(upstream))
    return `${upstream.title} has one login for everybody here, which an administrator makes before its tools can be used. Call this to learn what to do.`
  return `${upstream.title} wants the user to log in before its tools can be used. Call this to get the link to open.`
}

function connectTool(upstream: Upstream): Members {
  return {
    name: connectToolName(upstream),
    title: `Log in at ${upstream.title}`,
    description: whyConnect(upstream),
    inputSchema: { type: 'object', properties: {}, additionalProperties: false },
    annotations: { readOnlyHint: true, openWorldHint: true },
  }
}

export function placeholder(upstream: Upstream): Discovery {
  return {
    capabilities: { tools: { listChanged: true } },
    serverInfo: { name: upstream.name, title: upstream.title, version: '0' },
    instructions: `${upstream.title} wants a login first. The tool ${connectToolName(upstream)} says how; afterwards its own tools are there.`,
    needsLogin: true,
  }
}
