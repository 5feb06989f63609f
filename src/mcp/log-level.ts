// Owns the levels of log messages: those of RFC 5424, as server/utilities/logging.mdx names them in every revision.

const LOG_LEVELS: readonly unknown[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
]

export function isLogLevel(value: unknown): value is string {
  return LOG_LEVELS.includes(value)
}

/** Whether who wants messages from level `wanted` on wants one of this level. An unknown level is worth reading. */
export function isWanted(level: unknown, wanted: string | null): boolean {
  if (wanted === null) return false
  const rank = LOG_LEVELS.indexOf(level)
  return rank === -1 || rank >= LOG_LEVELS.indexOf(wanted)
}

/** Whether the one says more than the other. */
export function saysMore(one: string, other: string): boolean {
  return LOG_LEVELS.indexOf(one) < LOG_LEVELS.indexOf(other)
}
