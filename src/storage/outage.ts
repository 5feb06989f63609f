// Owns telling an outage of the database from a mistake of ours: after an outage it helps to come back later.

/** Of the operating system: the server is not there, or the connection broke. */
const SYSTEM_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/**
 * Of PostgreSQL, by class: 08 connection exceptions, 40 transactions that others were in the way of (deadlocks), 53
 * insufficient resources, 57 operator intervention (shutdown, cancelled statements), 58 system errors; 25006 is a replica that
 * has not been promoted yet, 55P03 a lock that was not to be had.
 */
const SQLSTATE = /^(?:08|40|53|57|58)[0-9A-Z]{3}$|^25006$|^55P03$/

/** pg-pool and pg give these no code. */
const CONNECTION_LOST: ReadonlySet<string> = new Set([
  'timeout exceeded when trying to connect',
  'Query read timeout',
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Client has encountered a connection error and is not queryable',
])

const DEEPEST_CAUSE = 5

export function isOutage(error: unknown): boolean {
  let at = error
  for (let depth = 0; depth < DEEPEST_CAUSE && at instanceof Error; depth++) {
    if (isOutageItself(at)) return true
    at = at.cause
  }
  return false
}

function isOutageItself(error: Error): boolean {
  if (error instanceof AggregateError) return error.errors.some(isOutage)
  const code = 'code' in error ? String(error.code) : ''
  // Of a Unix socket that is not there, not of any file.
  if (code === 'ENOENT') return 'syscall' in error && error.syscall === 'connect'
  return SYSTEM_CODES.has(code) || SQLSTATE.test(code) || CONNECTION_LOST.has(error.message)
}
