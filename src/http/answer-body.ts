// Owns the reading of an upstream's answer: as JSON or as server-sent events, neither of them larger than we can bear.

import type { Readable } from 'node:stream'
import { createParser } from 'eventsource-parser'
import { type AnswerBudget, addOrThrow } from './answer-budget.ts'
import { ConnectionFailure, connectionFailure } from './connections.ts'

export interface ServerSentEvent {
  readonly id: string | undefined
  /** Undefined is `message`. */
  readonly type: string | undefined
  readonly data: string
}

/** The answer is larger than it may be, or not what it says that it is. */
export class UnreadableAnswer extends Error {
  constructor(what: string, options?: ErrorOptions) {
    super(`The answer cannot be read: ${what}.`, options)
    this.name = 'UnreadableAnswer'
  }
}

const STALLED_MS = 60_000
/** From the first byte to the last: a trickle is no answer. */
const WHOLE_MS = 15 * 60_000
const UNUSED_BYTES = 64 * 1024
const UNUSED_MS = 5_000

/** The media type without parameters, in lower case; empty when there is none. */
export function mediaTypeOf(contentType: string | string[] | undefined): string {
  return typeof contentType === 'string' ? (contentType.split(';')[0] ?? '').trim().toLowerCase() : ''
}

export interface Reading {
  readonly stalledMs?: number | undefined
  readonly wholeMs?: number
  /** Of all answers together. Counted only while this one is read: who holds it afterwards counts it again. */
  readonly budget?: AnswerBudget | undefined
}

/** All of it. Rejects with an `UnreadableAnswer`, `NoRoom` or a `ConnectionFailure`; the body is closed in any case. */
export async function readBytes(
  body: Readable,
  maxBytes: number,
  { stalledMs = STALLED_MS, wholeMs = WHOLE_MS, budget }: Reading = {},
): Promise<Buffer> {
  const share = budget?.share()
  const chunks: Buffer[] = []
  let size = 0
  const giveUp = () => void body.destroy(new ConnectionFailure('timed_out'))
  const deadline = setTimeout(giveUp, stalledMs)
  const end = setTimeout(giveUp, wholeMs)
  try {
    for await (const chunk of chunksOf(body)) {
      size += chunk.length
      if (size > maxBytes) throw new UnreadableAnswer(`more than ${maxBytes} bytes`)
      addOrThrow(share, chunk.length)
      chunks.push(chunk)
      deadline.refresh()
    }
  } finally {
    clearTimeout(deadline)
    clearTimeout(end)
    share?.release()
  }
  return Buffer.concat(chunks)
}

export async function readText(body: Readable, maxBytes: number, reading?: Reading): Promise<string> {
  return (await readBytes(body, maxBytes, reading)).toString('utf8')
}

export interface JsonReading extends Reading {
  readonly parse?: (text: string) => unknown
}

/** Rejects with an `UnreadableAnswer` for what is not JSON. */
export async function readJson(
  body: Readable,
  maxBytes: number,
  { parse = JSON.parse, ...reading }: JsonReading = {},
): Promise<unknown> {
  const text = await readText(body, maxBytes, reading)
  try {
    return parse(text)
  } catch (cause) {
    throw new UnreadableAnswer('not JSON', { cause })
  }
}

export interface EventLimits {
  /** Of one event, with everything around it that is not yet an event. */
  readonly maxBytes: number
  /** Told the time that the server wants a client to wait before it comes back. */
  readonly onRetry?: (milliseconds: number) => void
  /** Of all answers together. */
  readonly budget?: AnswerBudget | undefined
}

/** One after the other; the stream is not read ahead of whoever asks for them. Leaving the loop closes it. */
export async function* readEvents(
  body: Readable,
  { maxBytes, onRetry, budget }: EventLimits,
): AsyncGenerator<ServerSentEvent, void> {
  const events: ServerSentEvent[] = []
  let tooLarge = false
  const parser = createParser({
    maxBufferSize: maxBytes,
    onEvent: ({ id, event, data }) => void events.push({ id, type: event, data }),
    onRetry,
    onError: ({ type }) => {
      tooLarge ||= type === 'max-buffer-size-exceeded'
    },
  })
  const decoder = new TextDecoder()
  const share = budget?.share()
  try {
    for await (const chunk of chunksOf(body)) {
      addOrThrow(share, chunk.length)
      parser.feed(decoder.decode(chunk, { stream: true }))
      if (tooLarge) throw new UnreadableAnswer(`an event of more than ${maxBytes} bytes`)
      if (events.length === 0) continue
      yield* events.splice(0)
      // What is left is the beginning of another one: less than a chunk.
      share?.release()
    }
  } finally {
    share?.release()
  }
}

/** For an answer that nobody wants to read: a short one to its end, so that its connection can be used again. Never rejects. */
export async function discard(body: Readable): Promise<void> {
  await readBytes(body, UNUSED_BYTES, { stalledMs: UNUSED_MS, wholeMs: UNUSED_MS }).catch(() => undefined)
}

async function* chunksOf(body: Readable): AsyncGenerator<Buffer, void> {
  try {
    for await (const chunk of body) yield chunk
  } catch (error) {
    throw error instanceof ConnectionFailure ? error : connectionFailure(error)
  }
}
