// Owns patience: how long a promise is waited for.

/**
 * What `promise` comes to, or a rejection after `ms`. An answer that has arrived counts, also when this process was too busy
 * to look at it in time.
 */
export async function within<Value>(ms: number, promise: Promise<Value>): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  // Timers run before what the network brought, immediates after it.
  const timer = setTimeout(() => setImmediate(() => reject(timedOut(ms))), ms)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** With the code that the system has for it, by which an outage is known. */
function timedOut(ms: number): Error {
  return Object.assign(new Error(`no answer within ${ms} ms`), { code: 'ETIMEDOUT' })
}
