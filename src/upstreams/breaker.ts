// Owns the breaker: an upstream that failed several times in a row is left alone for a moment, and tried again now and then.

export interface Breaker {
  /** Also while one is let through to try. */
  isOpen(): boolean
  /** Null when a call may go. Otherwise the seconds until one is let through to try. */
  refusal(now: number): number | null
  /** Says that a call goes now: while it is open, the next one waits for its turn. */
  tried(now: number): void
  /** It said something, whatever that was: it is there. */
  answered(): void
  /** It could not be reached, broke off before it said anything, or took too long to. */
  failed(now: number): void
}

const FAILURES = 5
/** Short, because what this saves is waiting, and what it costs is the time until somebody notices that it is back. */
const PAUSE_MS = 5_000

/**
 * Once it is open one call in each pause tries the upstream; the first of all calls that is answered closes it. There is no
 * timer, and a trial that hangs holds nobody up.
 */
export function createBreaker(): Breaker {
  let failures = 0
  let closedUntil = 0
  const isOpen = () => failures >= FAILURES
  return {
    isOpen,
    refusal(now) {
      if (!isOpen() || now >= closedUntil) return null
      return Math.max(1, Math.ceil((closedUntil - now) / 1000))
    },
    tried(now) {
      if (isOpen()) closedUntil = now + PAUSE_MS
    },
    answered() {
      failures = 0
    },
    failed(now) {
      failures++
      closedUntil = now + PAUSE_MS
    },
  }
}
