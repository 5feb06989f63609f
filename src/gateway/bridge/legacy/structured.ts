// Owns the shape of what is structured for a legacy client, whose revision has objects alone there (MCP 2026-07-28,
// changelog.mdx, SEP-2106): pure.

import { writtenNumber } from '../../../mcp/exact-json.ts'
import { isRecord, type Members } from '../../../mcp/rpc.ts'

/**
 * A result of `tools/list` as MCP 2025-11-25, Tools, has it: clients refuse the whole list for one tool that is not. A schema of
 * anything but objects is left out, which leaves the tool.
 */
export function withObjectSchemas(result: Members): Members {
  const { tools } = result
  return Array.isArray(tools) ? { ...result, tools: tools.map(withObjectSchema) } : result
}

/** A result of `tools/call`. What is no object is the `result` of one, and said as text too where nobody did. */
export function withStructuredObject(result: Members): Members {
  const { structuredContent: value } = result
  if (value === undefined || isObject(value)) return result
  const content: readonly unknown[] = Array.isArray(result.content) ? result.content : []
  const isSaid = content.some((block) => isRecord(block) && block.type === 'text')
  const text = { type: 'text', text: JSON.stringify(value) }
  return {
    ...result,
    content: isSaid ? content : [...content, text],
    structuredContent: { result: value },
  }
}

function withObjectSchema(tool: unknown): unknown {
  if (!isRecord(tool)) return tool
  const { inputSchema, outputSchema, ...rest } = tool
  return {
    ...rest,
    inputSchema: withObjectProperties(inputSchema),
    ...(isRecord(outputSchema) &&
      outputSchema.type === 'object' && { outputSchema: withObjectProperties(outputSchema) }),
  }
}

/** JSON Schema 2020-12 §4.3.2: `true` is an empty schema, `false` its contrary. */
function withObjectProperties(schema: unknown): unknown {
  if (!isRecord(schema) || !isRecord(schema.properties)) return schema
  const properties = Object.entries(schema.properties).map(([name, each]) => [
    name,
    typeof each === 'boolean' ? (each ? {} : { not: {} }) : each,
  ])
  return { ...schema, properties: Object.fromEntries(properties) }
}

function isObject(value: unknown): boolean {
  return isRecord(value) && writtenNumber(value) === null
}
