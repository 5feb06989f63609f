// Owns a reply: what the client of one bridged call gets, as one JSON document or as events, and how it ends.

import type { ServerResponse } from 'node:http'
import type { AnswerBudget } from '../../http/answer-budget.ts'
import type { Members } from '../../mcp/rpc.ts'
import { type Call, isListening } from '../call.ts'
import type { Limits } from '../limits.ts'
import { CLIENT_LEFT, type Outcome } from '../outcome.ts'
import { type Refusal, type RefusalReason, writeRefusal } from '../refusal.ts'
import { eventText, refusalText } from './event-text.ts'

export interface Reply {
  readonly call: Call
  readonly listening: boolean
  /** Aborted when nobody waits for the reply any more: the client left, or it was ended from our side. */
  readonly signal: AbortSignal
  /** Settles when the client has its answer or is gone; never rejects. */
  readonly outcome: Promise<Outcome>
  /** An answer has begun as a stream of events, and has not ended. */
  isStreaming(): boolean
  isOver(): boolean
  /** More headers for whatever head is written, as flat pairs. */
  addHeaders(...pairs: readonly string[]): void
  /** Begins the stream of events, if it has not begun. */
  beginEvents(): void
  /** An event without data, so that a client knows from where to read on (MCP 2025-11-25, SEP-1699). */
  prime(id: string): void
  /** One message as an event; begins the stream if need be. What nobody reads for too long, or is too much, breaks it off. */
  event(message: Members, id?: string): void
  /** The last word: an event of the stream that has begun, or a JSON document of this status. An array answers a batch. */
  finish(body: Members | readonly Members[], status?: number): void
  /** Ends a stream without a last word. */
  endEvents(): void
  /** A status alone. */
  accept(status?: number): void
  /** Refuses: as an answer of its own, or as the last event for the requests of the call. */
  refuse(refusal: Refusal, outcome?: 'refused' | 'failed'): void
  /** What a stream says when it is ended on purpose from our side, as messages. */
  sayAtEnd(farewell: () => readonly Members[]): void
}

/** What the one place that knows all replies does with them. */
export interface OpenReply extends Reply {
  /** Time passes: a comment for a silent stream, an end for what is stuck. */
  tick(elapsedMs: number): void
  /** Ends it from our side, `gracefully` with its farewell. `instead` answers a call that has no answer yet. */
  end(gracefully: boolean, instead: Refusal): void
  destroy(): void
}

interface Condition {
  phase: 'waiting' | 'events' | 'over'
  status: number
  headers: readonly string[]
  farewell: () => readonly Members[]
  silentMs: number
  stalledMs: number
}

/** What may lie unread for one client before it counts as gone. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024
/** Less is in the buffers of the connection soon. */
const LARGE_BYTES = 64 * 1024
const KEEP_ALIVE = ': keep-alive\n\n'
const EVENT_HEADERS = ['content-type', 'text/event-stream', 'x-accel-buffering', 'no']

export interface ReplyNeeds {
  readonly limits: Limits
  readonly budget?: AnswerBudget | undefined
}

export function openReply(
  call: Call,
  { limits, budget }: ReplyNeeds,
  onOver: (reply: OpenReply) => void,
): OpenReply {
  const { res } = call
  const leaving = new AbortController()
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  const at: Condition = {
    phase: 'waiting',
    status: CLIENT_LEFT.status,
    headers: [],
    farewell: () => [],
    silentMs: 0,
    stalledMs: 0,
  }

  function over(outcome: Outcome['outcome'], reason: RefusalReason | null = null): void {
    if (at.phase === 'over') return
    at.phase = 'over'
    onOver(reply)
    resolve({ outcome, status: at.status, reason, detail: null })
    leaving.abort()
  }

  function breakOff(outcome: 'aborted' | 'failed'): void {
    if (at.phase === 'over') return
    res.destroy()
    over(outcome)
  }

  function writeHead(status: number, more: readonly string[]): void {
    at.status = status
    const common = ['cache-control', 'no-store', 'x-content-type-options', 'nosniff']
    res.writeHead(status, [...common, ...more, ...at.headers, ...call.cors])
  }

  function beginEvents(): void {
    if (at.phase !== 'waiting') return
    writeHead(200, EVENT_HEADERS)
    // Or the client waits for it until the first event, which a silent stream does not have.
    res.flushHeaders()
    at.phase = 'events'
  }

  function event(message: Members, id?: string): void {
    beginEvents()
    if (at.phase !== 'events') return
    at.silentMs = 0
    res.write(eventText(message, id))
    if (res.writableLength > MAX_UNREAD_BYTES) breakOff('failed')
  }

  function finish(body: Members | readonly Members[], status = 200): void {
    if (at.phase === 'over') return
    if (at.phase === 'events') {
      for (const message of isBatch(body) ? body : [body]) res.write(eventText(message))
      res.end()
    } else {
      const text = JSON.stringify(body)
      writeHead(status, [
        'content-type',
        'application/json',
        'content-length',
        String(Buffer.byteLength(text)),
      ])
      res.end(text)
    }
    if (budget) holdUnread(res, budget)
    over('answered')
  }

  function refuse(refusal: Refusal, outcome: 'refused' | 'failed' = 'refused'): void {
    if (at.phase === 'over') return
    if (at.phase === 'events') res.end(refusalText(refusal))
    else {
      at.status = refusal.status
      writeRefusal(res, refusal, [...at.headers, ...call.cors])
    }
    over(outcome, refusal.reason)
  }

  function end(gracefully: boolean, instead: Refusal): void {
    if (at.phase === 'waiting') refuse(instead)
    if (at.phase !== 'events') return
    if (gracefully) for (const message of at.farewell()) res.write(eventText(message))
    res.end()
    over('ended')
  }

  function tick(elapsedMs: number): void {
    at.stalledMs = res.writableNeedDrain ? at.stalledMs + elapsedMs : 0
    at.silentMs = res.writableNeedDrain ? 0 : at.silentMs + elapsedMs
    if (at.stalledMs >= limits.stalledReaderMs) breakOff('failed')
    if (at.phase !== 'events' || at.silentMs < limits.keepAliveMs) return
    at.silentMs = 0
    res.write(KEEP_ALIVE)
  }

  const reply: OpenReply = {
    call,
    listening: isListening(call),
    signal: leaving.signal,
    outcome: promise,
    isStreaming: () => at.phase === 'events',
    isOver: () => at.phase === 'over',
    addHeaders: (...pairs) => {
      at.headers = [...at.headers, ...pairs]
    },
    beginEvents,
    prime(id) {
      beginEvents()
      if (at.phase === 'events') res.write(`id: ${id}\ndata: \n\n`)
    },
    event,
    finish,
    endEvents: () => {
      if (at.phase !== 'events') return
      res.end()
      over('answered')
    },
    accept(status = 202) {
      if (at.phase !== 'waiting') return
      writeHead(status, ['content-length', '0'])
      res.end()
      over('answered')
    },
    refuse,
    sayAtEnd: (farewell) => {
      at.farewell = farewell
    },
    tick,
    end,
    destroy: () => breakOff('failed'),
  }
  res.once('close', () => breakOff('aborted'))
  if (res.closed) breakOff('aborted')
  return reply
}

/** Counts what the client has not taken yet, until it has, or is gone. */
function holdUnread(res: ServerResponse, budget: AnswerBudget): void {
  if (res.writableLength < LARGE_BYTES || res.closed) return
  const share = budget.share()
  share.add(res.writableLength)
  res.once('close', share.release)
}

function isBatch(body: Members | readonly Members[]): body is readonly Members[] {
  return Array.isArray(body)
}
