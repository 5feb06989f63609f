// Owns the wish of tools to see parameters in headers, which only a server that compares them with the body may have.

import { writtenNumber } from './exact-json.ts'
import { isRecord, type Members } from './rpc.ts'

const ANNOTATION = 'x-mcp-header'
/** Deeper than any schema that somebody wrote. */
const MAX_DEPTH = 64

/**
 * A result of `tools/list` without the wish to see parameters in headers (MCP 2026-07-28, "Custom Headers from Tool
 * Parameters"): who offers that has to compare them with the body. An upstream that gets no such headers cannot, and one that
 * does gets them made out of the body, which leaves nothing to compare.
 */
export function withoutHeaderWishes(result: Members): Members {
  if (!Array.isArray(result.tools)) return result
  const tools: readonly unknown[] = result.tools
  return {
    ...result,
    tools: tools.map((tool) =>
      isRecord(tool) ? { ...tool, inputSchema: withoutAnnotation(tool.inputSchema, 0) } : tool,
    ),
  }
}

/** A property may have that name, too; its schema is an object, while the annotation is a text. */
function withoutAnnotation(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) return value
  if (Array.isArray(value)) return value.map((each: unknown) => withoutAnnotation(each, depth + 1))
  if (!isRecord(value) || writtenNumber(value) !== null) return value
  const kept = Object.entries(value).filter(([key, each]) => key !== ANNOTATION || typeof each !== 'string')
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutAnnotation(each, depth + 1)]))
}
