// Owns the words of JSON-RPC 2.0 as MCP uses them: ids, messages, errors and their codes.

export type RpcId = string | number

/** A JSON object. */
export type Members = Readonly<Record<string, unknown>>

export interface RpcError {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

export interface RpcNotification {
  readonly method: string
  readonly params: Members
}

/** JSON-RPC 2.0 §5.1. */
export const PARSE_ERROR = -32700
export const INVALID_REQUEST = -32600
export const METHOD_NOT_FOUND = -32601
export const INVALID_PARAMS = -32602
export const INTERNAL_ERROR = -32603

/** MCP 2026-07-28, basic/index.mdx, "Error Codes". */
export const HEADER_MISMATCH = -32020
export const MISSING_CLIENT_CAPABILITY = -32021
export const UNSUPPORTED_VERSION = -32022

/** Of the revisions before: never sent to a modern client. */
export const LEGACY_RESOURCE_NOT_FOUND = -32002
export const LEGACY_URL_ELICITATION_REQUIRED = -32042

export function isRecord(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isRpcId(value: unknown): value is RpcId {
  return typeof value === 'string' || Number.isSafeInteger(value)
}
