// Owns how long a peer is waited for: one that hangs has failed in time, and who leaves has left at once.

import { type Peer, PeerFailure } from '../mcp/peer.ts'
import { QUICK_METHODS } from '../mcp/quick-methods.ts'
import type { Upstream } from './registry.ts'

/** Milliseconds. */
export interface Patience {
  /** Until it says anything about a request. Null where its connections see to that, which know more: the head of an answer. */
  readonly firstWord: number | null
  /** Until the whole answer to what takes nobody long. */
  readonly quick: number
}

const FIRST_WORD_MS = 15 * 60_000
const QUICK_MS = 60_000

export function patienceWith({ kind, limits }: Upstream): Patience {
  const own = limits.firstByteTimeoutMs ?? FIRST_WORD_MS
  // Where all answers come on one stream, or one pipe, nothing else says that one does not come.
  const shares = kind === 'sse' || kind === 'stdio'
  return { firstWord: shares ? own : null, quick: Math.min(own, QUICK_MS) }
}

/** The same peer, which rejects in time, whether it listens to its signal or not. */
export function patientPeer(peer: Peer, { firstWord, quick }: Patience): Peer {
  return {
    discover: (visitor, signal) => waited(quick, signal, (leaving) => peer.discover(visitor, leaving)),
    request(visitor, request, { signal, notify }) {
      const isQuick = QUICK_METHODS.has(request.method)
      return waited(isQuick ? quick : firstWord, signal, (leaving, heard) => {
        const hooks = { signal: leaving, notify: isQuick ? notify : telling(notify, heard) }
        return peer.request(visitor, request, hooks)
      })
    },
    listen: (visitor, filter, { signal, notify }) =>
      waited(firstWord, signal, (leaving, heard) =>
        peer.listen(visitor, filter, { signal: leaving, notify: telling(notify, heard) }),
      ),
  }
}

/** From the first word on a stream may be silent, and last, for as long as it likes. */
function telling<T>(notify: (word: T) => void, heard: () => void): (word: T) => void {
  return (word) => {
    heard()
    notify(word)
  }
}

async function waited<T>(
  ms: number | null,
  signal: AbortSignal,
  act: (signal: AbortSignal, heard: () => void) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const leaving = new AbortController()
  const over = Promise.withResolvers<never>()
  const leave = (reason: unknown) => {
    leaving.abort(reason)
    over.reject(reason)
  }
  const left = () => leave(signal.reason)
  const late = ms === null ? undefined : setTimeout(() => leave(silent(ms)), ms)
  signal.addEventListener('abort', left, { once: true })
  try {
    return await Promise.race([act(leaving.signal, () => clearTimeout(late)), over.promise])
  } finally {
    clearTimeout(late)
    signal.removeEventListener('abort', left)
  }
}

function silent(ms: number): PeerFailure {
  return new PeerFailure('timed_out', { cause: new Error(`Nothing came within ${ms / 1000} s.`) })
}
