// Owns what an upstream asks of the client in the middle of a call, and the shape that it has in the modern era (MCP
// 2026-07-28, basic/patterns/mrtr.mdx).

import { INVALID_PARAMS, isRecord, METHOD_NOT_FOUND, type Members, type RpcError } from '../../mcp/rpc.ts'
import { elicits } from './capabilities.ts'

export interface InputRequest {
  readonly method: string
  readonly params: Members
}

/** "Supported Requests": an answer to any other request must not ask for anything. */
const ASKING_METHODS: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read'])

/** MCP 2025-11-25, Progress, and Tasks, "Related Task Metadata". */
const OF_THE_MESSAGE: ReadonlySet<string> = new Set(['progressToken', 'io.modelcontextprotocol/related-task'])

export function mayAsk(method: string): boolean {
  return ASKING_METHODS.has(method)
}

/** What the client is asked, or why it cannot be: it never hears of what it did not say it can do. */
export function inputRequest(
  method: string,
  params: Members,
  capabilities: Members,
): InputRequest | RpcError {
  switch (method) {
    case 'elicitation/create':
      return elicitation(params, capabilities)
    case 'sampling/createMessage':
      return sampling(params, capabilities)
    case 'roots/list':
      return isRecord(capabilities.roots) ? { method, params: metaOf(params) } : unsupported('roots')
    default:
      return { code: METHOD_NOT_FOUND, message: 'Method not found' }
  }
}

export function isInputRequest(read: InputRequest | RpcError): read is InputRequest {
  return 'method' in read
}

/** The parts that the modern era has no word for are left out: what completes it out of band, tasks, progress. */
function elicitation(params: Members, capabilities: Members): InputRequest | RpcError {
  const { mode = 'form', elicitationId: _, task: __, _meta: ___, ...rest } = params
  if (mode !== 'form' && mode !== 'url') return { code: INVALID_PARAMS, message: 'This mode is not known.' }
  if (!elicits(mode, capabilities)) return unsupported(`elicitation in ${mode} mode`)
  return { method: 'elicitation/create', params: { ...rest, mode, ...metaOf(params) } }
}

function sampling(params: Members, { sampling: given }: Members): InputRequest | RpcError {
  const { task: _, _meta: __, ...rest } = params
  if (!isRecord(given)) return unsupported('sampling')
  const tools = 'tools' in rest || 'toolChoice' in rest
  if (tools && !isRecord(given.tools)) return unsupported('sampling with tools')
  return { method: 'sampling/createMessage', params: { ...rest, ...metaOf(params) } }
}

/** The keys of vendors. */
function metaOf({ _meta }: Members): Members {
  const kept = Object.entries(isRecord(_meta) ? _meta : {}).filter(([key]) => !OF_THE_MESSAGE.has(key))
  return kept.length === 0 ? {} : { _meta: Object.fromEntries(kept) }
}

function unsupported(what: string): RpcError {
  return { code: INVALID_PARAMS, message: `The client does not support ${what}.` }
}
