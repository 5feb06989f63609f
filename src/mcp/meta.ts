// Owns the keys of `_meta` that the protocol itself uses (MCP 2026-07-28, basic/index.mdx, "_meta").

const PREFIX = 'io.modelcontextprotocol/'

export const PROTOCOL_VERSION = `${PREFIX}protocolVersion`
export const CLIENT_INFO = `${PREFIX}clientInfo`
export const CLIENT_CAPABILITIES = `${PREFIX}clientCapabilities`
export const LOG_LEVEL = `${PREFIX}logLevel`
export const SERVER_INFO = `${PREFIX}serverInfo`
export const SUBSCRIPTION_ID = `${PREFIX}subscriptionId`

/** Those that say who asks and in which revision: each hop writes its own. */
export const ENVELOPE: ReadonlySet<string> = new Set([
  PROTOCOL_VERSION,
  CLIENT_INFO,
  CLIENT_CAPABILITIES,
  LOG_LEVEL,
])
