// Owns the shape that a legacy upstream's answer has in the modern era.

import { contradicts } from '../../mcp/era-signs.ts'
import { SERVER_INFO } from '../../mcp/meta.ts'
import type { PeerAnswer } from '../../mcp/peer.ts'
import {
  INTERNAL_ERROR,
  INVALID_PARAMS,
  isRecord,
  LEGACY_RESOURCE_NOT_FOUND,
  type Members,
  type RpcError,
} from '../../mcp/rpc.ts'
import { EraMismatch } from '../era-mismatch.ts'
import type { Answer } from './message.ts'

/** MCP 2026-07-28, server/utilities/caching.mdx, "Cacheable Results". A legacy upstream says nothing of how long it is good. */
const CACHEABLE: ReadonlySet<string> = new Set([
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
])
/** basic/index.mdx, "Error Codes": what these mean is for the specification alone to say. */
const RESERVED = { from: -32099, to: -32020 }

/** Throws an `EraMismatch` for what only a server says that is not a legacy one (any more). */
export function modernAnswer(method: string, answer: Answer, serverInfo: Members | null): PeerAnswer {
  if (answer.kind === 'error') {
    const error = modernError(answer.error)
    if (contradicts('legacy', { status: 200, code: answer.error.code, method })) throw new EraMismatch(error)
    return { kind: 'error', error }
  }
  const result = method === 'tools/list' ? withoutExecution(answer.result) : answer.result
  return { kind: 'result', result: modernResult(method, result, serverInfo) }
}

/** How a tool goes with the tasks of 2025-11-25, which are not bridged. */
function withoutExecution(result: Members): Members {
  if (!Array.isArray(result.tools)) return result
  const tools: readonly unknown[] = result.tools
  return {
    ...result,
    tools: tools.map((tool) => {
      if (!isRecord(tool)) return tool
      const { execution: _, ...others } = tool
      return others
    }),
  }
}

function modernResult(method: string, result: Members, serverInfo: Members | null): Members {
  const meta = isRecord(result._meta) ? result._meta : {}
  return {
    ...result,
    resultType: 'complete',
    ...(CACHEABLE.has(method) && { ttlMs: 0, cacheScope: 'private' }),
    ...(serverInfo !== null && { _meta: { ...meta, [SERVER_INFO]: serverInfo } }),
  }
}

function modernError(error: RpcError): RpcError {
  const { code } = error
  if (code === LEGACY_RESOURCE_NOT_FOUND) return { ...error, code: INVALID_PARAMS }
  return code >= RESERVED.from && code <= RESERVED.to ? { ...error, code: INTERNAL_ERROR } : error
}
