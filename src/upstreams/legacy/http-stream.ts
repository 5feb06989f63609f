// Owns one stream of events of a legacy session: read, and resumed where the upstream lets us (MCP 2025-11-25,
// basic/transports.mdx, "Resumability and Redelivery").

import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { readEvents } from '../../http/answer-body.ts'
import type { AnswerBudget } from '../../http/answer-budget.ts'
import { parseShallow } from '../../mcp/exact-json.ts'
import { PeerFailure } from '../../mcp/peer.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'
import { peerFailure } from './http-answer.ts'

export interface StreamNeeds {
  readonly maxBytes: number
  /** Of all answers together. */
  readonly budget: AnswerBudget | undefined
  readonly signal: AbortSignal
  /** One message. True when it was the last that is wanted of this stream. */
  readonly take: (message: Members) => boolean
  /** Comes back for the rest after this event, or from now on without one; null when the upstream does not let us. */
  readonly resume: (lastEventId: string | null) => Promise<Readable | null>
  /** Also without an event id: what belongs to no request simply starts again. */
  readonly restarts: boolean
}

const DEFAULT_RETRY_MS = 1000
const MAX_RETRY_MS = 60_000
/** In a row, without a single event in between, or a connection that held for a while. */
const MAX_ATTEMPTS = 5
const STEADY_MS = 10_000
/** After the last message of a stream its upstream ends it, and the connection can be used again. */
const LINGER_MS = 1000

interface Progress {
  lastEventId: string | null
  retryMs: number
  attempts: number
  done: boolean
}

/** Resolves once the last message was taken. Rejects with a `PeerFailure` when it will not come; or when the signal aborts. */
export async function readStream(first: Readable, needs: StreamNeeds): Promise<void> {
  const progress: Progress = { lastEventId: null, retryMs: DEFAULT_RETRY_MS, attempts: 0, done: false }
  let body: Readable | null = first
  while (body !== null) {
    const failure = await readOnce(body, needs, progress)
    if (progress.done) return
    needs.signal.throwIfAborted()
    if (failure?.reason === 'answer' || (failure?.reason === 'busy' && !needs.restarts)) throw failure
    body = await comeBack(needs, progress, failure)
  }
  throw new PeerFailure('unreachable')
}

async function readOnce(body: Readable, needs: StreamNeeds, progress: Progress): Promise<PeerFailure | null> {
  let linger: NodeJS.Timeout | undefined
  const began = performance.now()
  const onRetry = (ms: number) => {
    progress.retryMs = Math.min(ms, MAX_RETRY_MS)
  }
  try {
    const { maxBytes, budget } = needs
    for await (const { id, data } of readEvents(body, { maxBytes, budget, onRetry })) {
      progress.attempts = 0
      if (id !== undefined && id !== '') progress.lastEventId = id
      // An event without data only says where to come back to.
      if (data === '' || progress.done) continue
      progress.done = takeAll(messagesIn(data), needs)
      if (progress.done) linger = setTimeout(() => body.destroy(), LINGER_MS)
    }
    return null
  } catch (error) {
    return peerFailure(error)
  } finally {
    clearTimeout(linger)
    if (performance.now() - began > STEADY_MS) progress.attempts = 0
  }
}

function takeAll(messages: readonly Members[], { take }: StreamNeeds): boolean {
  return messages.map(take).includes(true)
}

/** Throws for what is not JSON-RPC. A batch (2025-03-26) is its elements. */
export function messagesIn(data: string): readonly Members[] {
  return messagesOf(parseShallow(data))
}

export function messagesOf(json: unknown): readonly Members[] {
  const all: readonly unknown[] = Array.isArray(json) ? json : [json]
  const messages = all.filter(isRecord)
  if (messages.length !== all.length) throw new PeerFailure('answer')
  return messages
}

async function comeBack(
  { restarts, resume, signal }: StreamNeeds,
  progress: Progress,
  failure: PeerFailure | null,
): Promise<Readable | null> {
  if (progress.lastEventId === null && !restarts) throw failure ?? new PeerFailure('unreachable')
  while (progress.attempts < MAX_ATTEMPTS) {
    progress.attempts++
    await delay(progress.retryMs, undefined, { signal })
    try {
      return await resume(progress.lastEventId)
    } catch (error) {
      signal.throwIfAborted()
      if (progress.attempts === MAX_ATTEMPTS) throw peerFailure(error)
    }
  }
  return null
}
