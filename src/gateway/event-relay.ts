// Owns the events of an answer on their way to the client, and what we have to say ourselves between two of them.

import type { ServerResponse } from 'node:http'
import type { RpcId } from '../mcp/rpc.ts'
import { advance, isBoundary, openBytes, STREAM_START } from './event-boundary.ts'
import { isResumable, lastWords, maybeAnswered } from './limits/broken-stream.ts'
import { createEventRewriter, type EventRewriter, type RewriteResult } from './rewrite.ts'

export interface RelayOptions {
  readonly rewrite: RewriteResult | null
  /** Told of every piece as it came. */
  readonly watch: ((received: Buffer) => void) | null
  /** Whether a call waits for an answer among the events. */
  readonly answers: boolean
  /** Whether the first event has to be the upstream's (MCP 2026-07-28: a subscription is acknowledged before all else). */
  readonly acknowledged: boolean
}

const KEEP_ALIVE = ': keep-alive\n\n'

/** There may be thousands that stay open: it holds no more than what the next piece asks for. */
export class EventRelay {
  readonly #res: ServerResponse
  readonly #rewrite: EventRewriter | null
  readonly #watch: RelayOptions['watch']
  readonly #answers: boolean
  readonly #acknowledged: boolean
  /** Of the event that is not complete. */
  #openBytes = 0
  #tail = STREAM_START
  /** The latest of an answer, while it may be the last. */
  #last: Buffer | null = null
  #resumable = false
  #begun = false
  /** Of our own, to be said. */
  #words: string

  /** `words` were to be said before there was a stream. */
  constructor(res: ServerResponse, { rewrite, watch, answers, acknowledged }: RelayOptions, words: string) {
    this.#res = res
    this.#rewrite = rewrite ? createEventRewriter(rewrite) : null
    this.#watch = watch
    this.#answers = answers
    this.#acknowledged = acknowledged
    this.#words = words
  }

  /** What may be sent after this was received; null when the events cannot be looked through. */
  take(received: Buffer): Buffer | null {
    this.#watch?.(received)
    const chunk = this.#rewrite ? this.#rewrite(received) : received
    if (chunk !== null && chunk.length > 0) this.#measure(chunk)
    return chunk
  }

  /** What the client has to hold in memory at least. */
  get openBytes(): number {
    return this.#openBytes
  }

  get atBoundary(): boolean {
    return isBoundary(this.#tail)
  }

  /** Something of our own, as soon as no event of the upstream's is half-way. */
  tell(words: string): void {
    this.#words += words
    this.sayWhatWaits()
  }

  sayWhatWaits(): void {
    if (this.#words === '' || !this.atBoundary || (this.#acknowledged && !this.#begun)) return
    this.#res.write(this.#words)
    this.#words = ''
  }

  /** Returns whether it could be said. */
  keepAlive(): boolean {
    if (!this.atBoundary) return false
    this.#res.write(KEEP_ALIVE)
    return true
  }

  /** Whether the client is better off without a word when the stream breaks: it can take it up again, or has its answer. */
  get canBreakSilently(): boolean {
    return this.#resumable || maybeAnswered(this.#last)
  }

  /** Instead of the answer that does not come. */
  breakOff(id: RpcId, message: string): void {
    this.#res.end(lastWords(id, this.atBoundary, message))
  }

  #measure(chunk: Buffer): void {
    if (!this.#begun) this.#resumable = isResumable(chunk)
    this.#begun = true
    if (this.#answers) this.#last = chunk
    this.#openBytes = openBytes(this.#openBytes, this.#tail, chunk)
    this.#tail = advance(this.#tail, chunk)
  }
}
