// Owns `server/discover` from our side: what an answer says, and which errors only a modern server has.

import { isModern } from '../../mcp/era.ts'
import { SERVER_INFO } from '../../mcp/meta.ts'
import type { Discovery, Freshness } from '../../mcp/peer.ts'
import {
  HEADER_MISMATCH,
  isRecord,
  type Members,
  MISSING_CLIENT_CAPABILITY,
  type RpcError,
  UNSUPPORTED_VERSION,
} from '../../mcp/rpc.ts'

/** What only a server says that knows the modern revision. */
const MODERN_ERRORS: readonly number[] = [UNSUPPORTED_VERSION, HEADER_MISMATCH, MISSING_CLIENT_CAPABILITY]

export function readDiscovery({ capabilities, instructions, _meta, ...hints }: Members): Discovery {
  const serverInfo = isRecord(_meta) ? _meta[SERVER_INFO] : null
  const freshness = readFreshness(hints)
  return {
    capabilities: isRecord(capabilities) ? capabilities : {},
    serverInfo: isRecord(serverInfo) ? serverInfo : null,
    instructions: typeof instructions === 'string' ? instructions : null,
    ...(freshness && { freshness }),
  }
}

function readFreshness({ ttlMs, cacheScope }: Members): Freshness | null {
  if (typeof ttlMs !== 'number' || !Number.isSafeInteger(ttlMs) || ttlMs < 0) return null
  return cacheScope === 'public' || cacheScope === 'private' ? { ttlMs, cacheScope } : null
}

/** A list of versions none of which is modern is a legacy server that is polite about it. */
export function isModernError({ code, data }: RpcError): boolean {
  if (!MODERN_ERRORS.includes(code)) return false
  if (!isRecord(data) || !Array.isArray(data.supported)) return true
  return data.supported.some((version) => typeof version === 'string' && isModern(version))
}
