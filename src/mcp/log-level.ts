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
