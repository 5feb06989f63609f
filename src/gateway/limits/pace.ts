// Owns the pace of an answer: whether its upstream still sends it, and whether its client still takes it.

import type { Limits } from '../limits.ts'

/** What a reader has to manage on average once it is behind: no link of today is slower, and a trickle is no reader. */
const LEAST_BYTES_PER_MS = 8

export type Trouble = 'reader' | 'upstream'

export interface Moment {
  readonly elapsedMs: number
  /** There is something for the client that it has not taken yet. */
  readonly stalled: boolean
  /** An event stream, which may be silent and last for as long as it likes. */
  readonly open: boolean
}

/** Time is told to it: one timer looks at all answers. */
export class Pace {
  /** Of the upstream, while nobody kept it waiting. */
  silentMs = 0
  #heard = false
  #stalledMs = 0
  #lastingMs = 0

  /** Bytes of the body, on their way to the client. */
  heard(bytes: number): void {
    this.#heard = true
    this.silentMs = 0
    // Taken when the client had taken everything before: what it reads buys it time, so that slow and stuck differ.
    if (this.#stalledMs > 0) this.#stalledMs = Math.max(0, this.#stalledMs - bytes / LEAST_BYTES_PER_MS)
  }

  pass({ elapsedMs, stalled, open }: Moment, limits: Limits): Trouble | null {
    this.#stalledMs = stalled ? this.#stalledMs + elapsedMs : 0
    this.silentMs = stalled ? 0 : this.silentMs + elapsedMs
    if (this.#stalledMs >= limits.stalledReaderMs) return 'reader'
    if (open) return null
    this.#lastingMs += elapsedMs
    // Some send the head at once and begin to work then.
    const patience = this.#heard ? limits.stalledAnswerMs : limits.firstByteTimeoutMs
    return this.silentMs >= patience || this.#lastingMs >= limits.wholeAnswerMs ? 'upstream' : null
  }
}
