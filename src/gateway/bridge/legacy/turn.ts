// Owns a turn: one POST with requests, what the client is told and asked meanwhile, and its answers, wherever it reads them.

import type { Members, RpcId } from '../../../mcp/rpc.ts'
import type { Caller } from '../../../oauth/caller.ts'
import type { Refusal } from '../../refusal.ts'
import type { Reply } from '../reply.ts'
import { AskFailure, type Asking, createAsking } from './asking.ts'
import { eventIds, newTurnId } from './event-id.ts'
import type { LegacySession } from './handle.ts'
import { createTranscript, type Transcript } from './transcript.ts'

/** Where the client reads what is said. */
export interface Reader {
  event(message: Members, id: string): void
  /** Nothing comes any more, at least not here. */
  end(): void
}

/** What a client can come back for. */
export interface Resumable {
  readonly id: string
  readonly session: LegacySession
  readonly caller: Caller
  /** Reads on after the event of this number, in place of whoever read so far. False when there is nothing left to read. */
  attach(reader: Reader, after: number): boolean
  detach(reader: Reader): void
}

/** A turn that is over, and nothing of it but what was said. */
export interface KeptTurn extends Resumable {
  /** Roughly, in bytes. */
  readonly size: number
}

export interface Turn extends Resumable, Asking {
  /** Aborted when this request is cancelled, or was answered. */
  signalOf(request: RpcId): AbortSignal
  /** A longer wait is a stream, which can be kept alive and be resumed. */
  begin(): void
  notify(message: Members): void
  /** The response to one of the requests; `refusal` when there is a status that says the same. */
  respond(request: RpcId, response: Members, refusal?: Refusal): void
  /** MCP 2025-11-25, Cancellation: without a response. False for a request that is not under way here. */
  cancel(request: RpcId): boolean
  /** Cancels what is left. */
  abort(): void
  /** Since when nobody reads, in milliseconds; null while somebody does. */
  awaySince(): number | null
}

export interface TurnNeeds {
  readonly reply: Reply
  readonly session: LegacySession
  readonly requests: readonly RpcId[]
  readonly batch: boolean
  /** The client takes a stream of events for an answer. */
  readonly streams: boolean
  readonly clock: () => number
  /** Everything was answered. `kept`: where a client that comes back can read it; null where it could name no place in it. */
  readonly onFinished: (turn: Turn, kept: KeptTurn | null) => void
}

/** The revision whose clients know an event without data (SEP-1699); the ones before try to parse it. */
const WITH_PRIMING = '2025-11-25'

export function openTurn({ reply, session, requests, batch, streams, clock, onFinished }: TurnNeeds): Turn {
  const id = newTurnId(session.id)
  const { caller } = reply.call
  const idOf = eventIds(id, requests)
  const pending = new Map(requests.map((request) => [request, new AbortController()]))
  /** Responses from before there was a stream. */
  const early: Members[] = []
  const transcript = createTranscript()
  const primes = session.version === WITH_PRIMING
  const firstReader: Reader = { event: reply.event, end: reply.endEvents }
  const asking = createAsking({
    turn: id,
    say: (question) => say(question, 'question'),
    settle: transcript.remove,
    notify,
  })
  let reader: Reader | null = firstReader
  let begun = false
  let away: number | null = null
  reply.signal.addEventListener('abort', () => detach(firstReader))

  function begin(): void {
    if (begun || !streams || reader === null || pending.size === 0) return
    begun = true
    if (primes) reply.prime(idOf(0, false))
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
    const resumable = begun && (primes || transcript.length() > 0)
    onFinished(turn, resumable ? keep({ id, session, caller }, transcript, idOf) : null)
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

  function detach(gone: Reader): void {
    if (reader !== gone || pending.size === 0) return
    reader = null
    away = clock()
  }

  const turn: Turn = {
    id,
    session,
    caller,
    signalOf: (request) => pending.get(request)?.signal ?? AbortSignal.abort(),
    begin,
    notify,
    async ask(questions, signal) {
      begin()
      if (begun) return asking.ask(questions, signal)
      throw new AskFailure('The upstream server has a question, and this client takes no event stream.')
    },
    take: asking.take,
    respond,
    cancel,
    abort() {
      for (const request of [...pending.keys()]) cancel(request)
    },
    attach(next, after) {
      const former = reader
      reader = next
      away = null
      if (former !== next) former?.end()
      readOn(transcript, idOf, next, after)
      return true
    },
    detach,
    awaySince: () => away,
  }
  return turn
}

type IdOf = ReturnType<typeof eventIds>

/** Outside of the turn, so that the request and its connection are not kept with it. */
function keep(
  known: Pick<Resumable, 'id' | 'session' | 'caller'>,
  transcript: Transcript,
  idOf: IdOf,
): KeptTurn {
  return {
    ...known,
    size: transcript.size(),
    attach(reader, after) {
      const some = readOn(transcript, idOf, reader, after)
      if (some) reader.end()
      return some
    },
    detach: () => undefined,
  }
}

function readOn(transcript: Transcript, idOf: IdOf, reader: Reader, after: number): boolean {
  const rest = transcript.after(after)
  for (const { message, number, last } of rest) reader.event(message, idOf(number, last))
  return rest.length > 0
}
