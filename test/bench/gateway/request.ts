// Owns the requests that are measured: `tools/call` of MCP 2026-07-28, as a client of that revision sends it.

import { CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION } from '../../../src/mcp/meta.ts'

export const VERSION = '2026-07-28'

/** Answered by nginx out of its configuration. The other tools are played by the Node process behind it. */
export const FAST_TOOL = 'fast'
export const LARGE_ANSWER_TOOL = 'large-answer'
export const LARGE_BODY_TOOL = 'large-body'
export const LARGE_BYTES = 10_000_000

export interface McpRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export function callOf(name: string, args: Readonly<Record<string, unknown>>): McpRequest {
  return mcpRequest('tools/call', { name, arguments: args }, { 'mcp-name': name })
}

export function listenRequest(): McpRequest {
  return mcpRequest('subscriptions/listen', { notifications: { toolsListChanged: true } })
}

function mcpRequest(
  method: string,
  params: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): McpRequest {
  const _meta = {
    [PROTOCOL_VERSION]: VERSION,
    [CLIENT_INFO]: { name: 'bench', version: '1.0.0' },
    [CLIENT_CAPABILITIES]: {},
  }
  return {
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': VERSION,
      'mcp-method': method,
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } }),
  }
}

/** Two short arguments, as most calls have. */
export const FAST_CALL = callOf(FAST_TOOL, { query: 'what is new in the garden', limit: 10 })

/** 268 bytes. */
export const FAST_ANSWER = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  result: {
    resultType: 'complete',
    content: [{ type: 'text', text: 'Three tomatoes are ripe, the beans have been watered. '.repeat(3) }],
    isError: false,
  },
})
