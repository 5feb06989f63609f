// Owns the answer to `server/discover` (MCP 2026-07-28, server/discover.mdx).

import { MODERN_REVISIONS } from '../../../mcp/era.ts'
import { SERVER_INFO } from '../../../mcp/meta.ts'
import type { Discovery } from '../../../mcp/peer.ts'
import type { Members } from '../../../mcp/rpc.ts'

/** At most, and where the upstream says nothing: it may be another one soon, and what it says may depend on who asks. */
const TTL_MS = 60_000

export function discoverResult({ capabilities, serverInfo, instructions, freshness }: Discovery): Members {
  return {
    resultType: 'complete',
    supportedVersions: MODERN_REVISIONS,
    capabilities,
    ...(instructions !== null && { instructions }),
    ttlMs: Math.min(freshness?.ttlMs ?? TTL_MS, TTL_MS),
    cacheScope: 'private',
    ...(serverInfo !== null && { _meta: { [SERVER_INFO]: serverInfo } }),
  }
}
