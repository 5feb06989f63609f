// Owns the order of log levels (MCP, server/utilities/logging.mdx, after RFC 5424).

const LEVELS: readonly unknown[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
]

/** Whether who wants messages from level `wanted` on wants one of this level. An unknown level is worth reading. */
export function isWanted(level: unknown, wanted: string | null): boolean {
  if (wanted === null) return false
  const rank = LEVELS.indexOf(level)
  return rank === -1 || rank >= LEVELS.indexOf(wanted)
}

/** Whether the one says more than the other. */
export function saysMore(one: string, other: string): boolean {
  return LEVELS.indexOf(one) < LEVELS.indexOf(other)
}
