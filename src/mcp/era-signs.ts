// Owns the signs that a server speaks another era than it was asked in (MCP 2026-07-28, Versioning, "Backward Compatibility").

import type { Era } from './era.ts'
import {
  HEADER_MISMATCH,
  INTERNAL_ERROR,
  INVALID_PARAMS,
  METHOD_NOT_FOUND,
  MISSING_CLIENT_CAPABILITY,
  UNSUPPORTED_VERSION,
} from './rpc.ts'

/** An answer without a result. */
export interface Refused {
  /** Of HTTP. */
  readonly status: number
  /** Of the JSON-RPC error; null when there is none. */
  readonly code: number | null
  /** That was asked for. */
  readonly method: string | null
}

/** They say nothing about the era: who may come in, too slow, too large, too often. */
const NEUTRAL: ReadonlySet<number> = new Set([401, 403, 407, 408, 413, 429, 431])
/** A modern server says these about a modern request. */
const MODERN_ERRORS: ReadonlySet<number | null> = new Set([
  METHOD_NOT_FOUND,
  INVALID_PARAMS,
  INTERNAL_ERROR,
  HEADER_MISMATCH,
  MISSING_CLIENT_CAPABILITY,
])

/** Whether the refusal of a request of this era looks as if the server spoke only the other one: a reason to ask it, no proof. */
export function contradicts(era: Era, refused: Refused): boolean {
  return era === 'modern' ? contradictsModern(refused) : contradictsLegacy(refused)
}

function contradictsModern({ status, code, method }: Refused): boolean {
  // Every modern server has this one (server/discover.mdx).
  if (method === 'server/discover' && code === METHOD_NOT_FOUND) return true
  if (code === UNSUPPORTED_VERSION) return true
  return isRefusal(status) && !MODERN_ERRORS.has(code)
}

/** A modern-only server names its versions, misses its headers, or does not know the handshake. */
function contradictsLegacy({ status, code, method }: Refused): boolean {
  if (code === UNSUPPORTED_VERSION || code === HEADER_MISMATCH) return true
  return method === 'initialize' && isRefusal(status)
}

function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && !NEUTRAL.has(status)
}
