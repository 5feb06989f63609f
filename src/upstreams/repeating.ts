// Owns which of our own requests are sent a second time when the first try came to nothing; those that pass are alike
// (gateway/limits/repeating.ts).

import { setTimeout as delay } from 'node:timers/promises'
import { ConnectionFailure } from '../http/connections.ts'
import { isGone } from '../http/gone.ts'
import type { PeerRequest } from '../mcp/peer.ts'
import { READING_METHODS } from '../mcp/reading.ts'

/** RFC 9110 §9.2.2: when nothing of it was sent; or always, because doing it twice is like doing it once. */
export type Repeatable = 'never' | 'unsent' | 'always'

/** About what a listener takes to be replaced. */
const PAUSE_MS = 150

/** Answers to what an upstream asked are given once, also where nobody can have seen them. */
export function repeatable({ method, inputResponses }: PeerRequest): Repeatable {
  if (inputResponses !== null) return 'never'
  return READING_METHODS.has(method) ? 'always' : 'unsent'
}

/** What `act` comes to, or what it comes to the second time. */
export async function repeated<Value>(
  how: Repeatable,
  signal: AbortSignal,
  act: () => Promise<Value>,
): Promise<Value> {
  try {
    return await act()
  } catch (error) {
    if (!mayRepeat(how, error)) throw error
  }
  await delay(PAUSE_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
  return act()
}

function mayRepeat(how: Repeatable, error: unknown): boolean {
  const failure = failureIn(error)
  if (failure === null || how === 'never' || !isGone(failure.cause)) return false
  return failure.when === 'unsent' || (failure.when === 'unanswered' && how === 'always')
}

/** A peer tells of it by another name. */
function failureIn(error: unknown): ConnectionFailure | null {
  if (error instanceof ConnectionFailure) return error
  return error instanceof Error && error.cause instanceof ConnectionFailure ? error.cause : null
}
