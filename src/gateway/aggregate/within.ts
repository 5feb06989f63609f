// Owns how long the aggregate waits for one of its upstreams, when the others have answered.

import { PeerFailure } from '../../mcp/peer.ts'

/** What is still open then is broken off, whether it listens to the signal or not. */
export async function within<T>(
  ms: number,
  signal: AbortSignal,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const patience = new AbortController()
  const timer = setTimeout(() => patience.abort(), ms)
  const either = AbortSignal.any([signal, patience.signal])
  const over = Promise.withResolvers<never>()
  const giveUp = () => over.reject(new PeerFailure('timed_out'))
  either.addEventListener('abort', giveUp, { once: true })
  if (either.aborted) giveUp()
  try {
    return await Promise.race([ask(either), over.promise])
  } finally {
    clearTimeout(timer)
    either.removeEventListener('abort', giveUp)
  }
}
