// Owns a turn: one POST with requests, what the client is told and asked meanwhile, and its answers, wherever it reads them.

import { INTERNAL_ERROR, type Members, type RpcError, type RpcId } from '../../../mcp/rpc.ts'
import type { Caller } from '../../../oauth/caller.ts'
import type { Refusal } from '../../refusal.ts'
import type { Reply } from '../reply.ts'
import { eventIds, newTurnId, questionId } from './event-id.ts'
import type { LegacySession } from './handle.ts'
import type { Question, Told } from './questions.ts'
import { createTranscript } from './transcript.ts'

/** Where the client reads what is said. */
export interface Reader {
  event(message: Members, id: string): void
  /** Nothing comes any more, at least not here. */
  end(): void
}

export interface TurnNeeds {
  readonly reply: Reply
  readonly session: LegacySession
  readonly requests: readonly RpcId[]
  readonly batch: boolean
  /** The client takes a stream of events for an answer. */
  readonly streams: boolean
  readonly clock: () => number
  /** Everything was answered. */
  readonly onFinished: (turn: Turn) => void
}

export interface Turn {
  readonly id: string
  readonly session: LegacySession
  readonly caller: Caller
  /** Aborted when this request is cancelled. */
  signalOf(request: RpcId): AbortSignal
  /** A longer wait is a stream, which can be kept alive and be resumed. */
  begin(): void
  notify(message: Members): void
  /** Asks the client and waits for every answer. Rejects with an `AskFailure`, or when the signal aborts. */
  ask(questions: readonly Question[], signal: AbortSignal): Promise<readonly Told[]>
  /** The response to one of the requests; `refusal` when there is a status that says the same. */
  respond(request: RpcId, response: Members, refusal?: Refusal): void
  /** True for a question that was asked here and is open. Only the first answer counts. */
  take(question: RpcId, told: Told): boolean
  /** MCP 2025-11-25, Cancellation: without a response. False for a request that is not under way here. */
  cancel(request: RpcId): boolean
  /** Cancels what is left. */
  abort(): void
  /** Reads on after the event of this number, in place of whoever read so far. False when there is nothing left to read. */
  attach(reader: Reader, after: number): boolean
  detach(reader: Reader): void
  isFinished(): boolean
  /** Since when nobody reads, in milliseconds; null while somebody does. */
  awaySince(): number | null
  /** A client that comes back can name a place in it. */
  isResumable(): boolean
  /** Of what is kept for a client that comes back; roughly. */
  size(): number
}

/** Why the client cannot be asked, or did not answer. */
export class AskFailure extends Error {
  readonly error: RpcError

  constructor(message: string) {
    super(message)
    this.name = 'AskFailure'
    this.error = { code: INTERNAL_ERROR, message }
  }
}

/** A person may have to fetch something first. */
const QUESTION_MS = 15 * 60 * 1000
/** The revision whose clients know an event without data (SEP-1699); the ones before try to parse it. */
const WITH_PRIMING = '2025-11-25'

export function openTurn({ reply, session, requests, batch, streams, clock, onFinished }: TurnNeeds): Turn {
  const id = newTurnId()
  const idOf = eventIds(id, requests)
  const pending = new Map(requests.map((request) => [request, new AbortController()]))
  const early: Members[] = []
  const asked = new Map<RpcId, (told: Told) => void>()
  const transcript = createTranscript()
  const firstReader: Reader = { event: reply.event, end: reply.endEvents }
  let reader: Reader | null = firstReader
  let begun = false
  let away: number | null = null
  let questions = 0
  reply.signal.addEventListener('abort', () => detach(firstReader))

  function begin(): void {
    if (begun || !streams || reader === null || pending.size === 0) return
    begun = true
    if (session.version === WITH_PRIMING) reply.prime(idOf(transcript.next(), false))
    else reply.beginEvents()
    for (const response of early) say(response, 'answer')
  }

  function say(message: Members, kind: 'note' | 'question' | 'answer', last = false): number {
    const number = transcript.add(message, kind, last)
    reader?.event(message, idOf(number, last))
    return number
  }

  function notify(message: Members): void {
    begin()
    if (begun && pending.size > 0) say(message, 'note')
  }

  function respond(request: RpcId, response: Members, refusal?: Refusal): void {
    if (!pending.delete(request)) return
    if (begun) say(response, 'answer', pending.size === 0)
    else early.push(response)
    if (pending.size === 0) finish(refusal)
  }

  function finish(refusal?: Refusal): void {
    if (begun) reader?.end()
    else if (early.length === 0) endUnanswered()
    else if (refusal && !batch) reply.refuse(refusal)
    else reply.finish(batch ? early : (early[0] ?? {}))
    onFinished(turn)
  }

  /** All of it was cancelled: a stream without a response, which is all that there is to say. */
  function endUnanswered(): void {
    if (streams) reply.beginEvents()
    if (streams) reply.endEvents()
    else reply.accept()
  }

  function cancel(request: RpcId): boolean {
    const controller = pending.get(request)
    if (!controller) return false
    pending.delete(request)
    controller.abort()
    if (pending.size === 0) finish()
    return true
  }

  async function ask(round: readonly Question[], signal: AbortSignal): Promise<readonly Told[]> {
    begin()
    if (!begun)
      throw new AskFailure('The upstream server has a question, and this client takes no event stream.')
    const open = round.map(({ method, params }) => {
      const question = questionId(id, ++questions)
      const { promise, resolve } = Promise.withResolvers<Told>()
      asked.set(question, resolve)
      const number = say({ jsonrpc: '2.0', id: question, method, params }, 'question')
      return { question, number, promise }
    })
    try {
      return await inTime(Promise.all(open.map(({ promise }) => promise)), signal)
    } finally {
      for (const { question, number } of open) {
        transcript.remove(number)
        // MCP 2025-11-25, "Timeouts": whoever stops waiting says so.
        if (asked.delete(question)) notify(withdrawn(question))
      }
    }
  }

  function take(question: RpcId, told: Told): boolean {
    const resolve = asked.get(question)
    asked.delete(question)
    resolve?.(told)
    return resolve !== undefined
  }

  function attach(next: Reader, after: number): boolean {
    const rest = transcript.after(after)
    if (pending.size === 0 && rest.length === 0) return false
    const former = reader
    reader = pending.size === 0 ? null : next
    away = null
    if (former !== next) former?.end()
    for (const { message, number, last } of rest) next.event(message, idOf(number, last))
    if (pending.size === 0) next.end()
    return true
  }

  function detach(gone: Reader): void {
    if (reader !== gone || pending.size === 0) return
    reader = null
    away = clock()
  }

  const turn: Turn = {
    id,
    session,
    caller: reply.call.caller,
    signalOf: (request) => pending.get(request)?.signal ?? AbortSignal.abort(),
    begin,
    notify,
    ask,
    respond,
    take,
    cancel,
    abort: () => {
      for (const request of [...pending.keys()]) cancel(request)
    },
    attach,
    detach,
    isFinished: () => pending.size === 0,
    awaySince: () => away,
    isResumable: () => begun && (session.version === WITH_PRIMING || transcript.next() > 0),
    size: transcript.size,
  }
  return turn
}

function withdrawn(requestId: RpcId): Members {
  const params = { requestId, reason: 'The answer is of no use any more.' }
  return { jsonrpc: '2.0', method: 'notifications/cancelled', params }
}

async function inTime<Value>(answers: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>()
  const giveUp = () => reject(signal.reason)
  const late = () =>
    reject(new AskFailure('The client did not answer the question of the upstream server in time.'))
  const patience = setTimeout(late, QUESTION_MS)
  signal.addEventListener('abort', giveUp, { once: true })
  if (signal.aborted) giveUp()
  try {
    return await Promise.race([answers, promise])
  } finally {
    clearTimeout(patience)
    signal.removeEventListener('abort', giveUp)
  }
}
