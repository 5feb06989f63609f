// Owns what is remembered of an upstream's tools: which of their parameters go into headers. Learned from what is listed.

import { isRecord, type Members } from '../../mcp/rpc.ts'
import { type MirroredParameter, mirroredParameters } from './parameter-headers.ts'

export interface ToolDefinitions {
  /** Of a tool that is not known yet `list` tells, but not all the time. None when nobody knows it. */
  parametersOf(name: string, list: ListTools): Promise<readonly MirroredParameter[]>
  /**
   * Learns from a result of `tools/list`, and returns it without the tools whose annotations are invalid: clients must not be
   * offered those (MCP 2026-07-28, "Schema Extension").
   */
  learn(result: Members): Members
  /** The upstream missed a header: what is known is out of date. */
  refresh(list: ListTools): Promise<void>
}

/** Lists all tools, each page of which is learned from. */
export type ListTools = () => Promise<void>

const MAX_TOOLS = 10_000
const PAUSE_MS = 5_000
const NONE: readonly MirroredParameter[] = []

export function createToolDefinitions(clock: () => number): ToolDefinitions {
  const known = new Map<string, readonly MirroredParameter[]>()
  let listing: Promise<void> | null = null
  let listedAt = Number.NEGATIVE_INFINITY

  /** Whoever asks meanwhile waits for the same list. Fails for nobody: the call goes on, and the upstream says what it misses. */
  function listOnce(list: ListTools): Promise<void> {
    listing ??= list()
      .catch(() => undefined)
      .finally(() => {
        listedAt = clock()
        listing = null
      })
    return listing
  }

  function learnTool(tool: unknown): boolean {
    if (!isRecord(tool) || typeof tool.name !== 'string') return true
    const parameters = mirroredParameters(tool)
    if (known.size >= MAX_TOOLS) known.clear()
    known.set(tool.name, parameters ?? NONE)
    return parameters !== null
  }

  return {
    async parametersOf(name, list) {
      if (!known.has(name) && (listing || clock() - listedAt > PAUSE_MS)) await listOnce(list)
      return known.get(name) ?? NONE
    },
    learn(result) {
      if (!Array.isArray(result.tools)) return result
      return { ...result, tools: result.tools.filter(learnTool) }
    },
    refresh: listOnce,
  }
}
