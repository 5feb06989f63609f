// Owns an exchange: one request under way at an upstream, and its answer on the way to the client.

import type { IncomingHttpHeaders } from 'node:http'
import { type Dispatcher, errors } from 'undici'
import { contradicts } from '../mcp/era-signs.ts'
import { wantsNonce } from '../oauth/wanted-nonce.ts'
import { wantedScope } from '../oauth/wanted-scope.ts'
import { type Credential, proverOf } from '../upstreams/credentials.ts'
import type { Passage } from '../upstreams/guards.ts'
import {
  CREDENTIALS,
  errorCode,
  isRpcAnswer,
  judge,
  NOT_MCP,
  type Substitute,
  TIMED_OUT,
  TOO_LARGE,
  UNREACHABLE,
  type Verdict,
} from './answer.ts'
import { type AnswerKind, answerHead, passedHeaders } from './answer-head.ts'
import { type Copy, createCopy } from './cache/copy.ts'
import { expectsContent, isListening, isProbe, type UpstreamCall } from './call.ts'
import type { Member } from './crowd.ts'
import { EventRelay } from './event-relay.ts'
import { Pace } from './limits/pace.ts'
import { mayRepeat } from './limits/repeating.ts'
import type { Limits } from './limits.ts'
import { CLIENT_LEFT, detailOf, type Outcome } from './outcome.ts'
import { type RefusalReason, rpcRefusal, writeRefusal } from './refusal.ts'
import { MOST_REWRITTEN_BYTES, rewriteBody } from './rewrite.ts'
import type { Sealer } from './session.ts'

/** The same for all exchanges: there may be thousands that stay open. */
export interface ExchangeNeeds {
  readonly sealer: Sealer
  readonly limits: Limits
  /** Sends the same once more. */
  readonly repeat: (exchange: Exchange) => void
  readonly over: (exchange: Exchange) => void
  /** The upstream does not seem to speak the era of this call (any more). */
  readonly contradicted: (call: UpstreamCall) => void
}

/** What a call goes to its upstream with. */
export interface Departure {
  readonly credential: Credential
  /** Told whether the upstream is there. */
  readonly passage: Passage
  /** A credential that is not accepted is for somebody else to deal with; nothing is answered. */
  readonly handsBack: boolean
}

/**
 * `waiting` for the upstream's head; then what its answer was judged to be, where `error` is one whose text is still read,
 * and `held` a JSON answer that has to be rewritten; at last `over`, from which nothing comes back.
 */
type Phase = 'waiting' | AnswerKind | 'error' | 'held' | 'over'

const MAX_UNUSED_BYTES = 64 * 1024
const NOTHING_SAID: IncomingHttpHeaders = {}
const OVER = new Error('The exchange is over.')
const ENDLESS = Object.assign(new Error('The answer is too large.'), { code: 'TOO_LARGE' })
const STALLED = Object.assign(new Error('The answer stopped half-way.'), { code: 'STALLED' })

/** What undici tells about the answer goes to the client as it comes: no stream, buffer or timer in between. */
export class Exchange implements Dispatcher.DispatchHandler, Member {
  readonly call: UpstreamCall
  readonly credential: Credential
  readonly passage: Passage
  seat = 0
  readonly listening: boolean
  readonly outcome: Promise<Outcome>
  readonly #needs: ExchangeNeeds
  readonly #handsBack: boolean
  readonly #settle: (outcome: Outcome) => void
  #controller: Dispatcher.DispatchController | null = null
  #phase: Phase = 'waiting'
  #status = CLIENT_LEFT.status
  #detail: string | null = null
  #instead: Substitute = UNREACHABLE
  #headers = NOTHING_SAID
  #aside: Buffer[] = []
  /** An answer that came in one piece, until it is known to be complete: then it leaves in one piece, too. */
  #whole: Buffer | null = null
  #events: EventRelay | null = null
  #copy: Copy | null = null
  #unusedBytes = 0
  /** Of an answer in JSON. */
  #bytes = 0
  /** Of our own, to be said on a stream that has not begun. */
  #words = ''
  #sent = false
  #repeated = false
  #handedBack = false
  #wantsScope: string | null = null
  readonly #pace = new Pace()

  constructor(call: UpstreamCall, { credential, passage, handsBack }: Departure, needs: ExchangeNeeds) {
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    this.call = call
    this.credential = credential
    this.passage = passage
    this.listening = isListening(call)
    this.outcome = promise
    this.#needs = needs
    this.#handsBack = handsBack
    this.#settle = resolve
    // In the modern era leaving cancels the request; in the legacy one the client resumes what the upstream keeps.
    call.res.on('close', () => this.#abandon('aborted'))
  }

  get streaming(): boolean {
    return this.#phase === 'events'
  }

  get over(): boolean {
    return this.#phase === 'over'
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#sent = true
    if (this.#phase === 'over') controller.abort(OVER)
  }

  onResponseStart(_: unknown, status: number, headers: IncomingHttpHeaders): void {
    // RFC 9110 §15.2: interim answers are for us alone.
    if (status < 200 || this.#phase !== 'waiting') return
    this.passage.answered()
    proverOf(this.credential)?.heard(headers['dpop-nonce'])
    this.#headers = headers
    this.#status = status
    this.#begin(judge(status, headers, { content: expectsContent(this.call), probe: isProbe(this.call) }))
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#pace.heard(chunk.length)
    if (this.#phase === 'json') this.#relay(controller, chunk)
    else if (this.#events !== null && this.#phase === 'events')
      this.#relayEvents(controller, chunk, this.#events)
    else this.#setAside(chunk)
  }

  onResponseEnd(): void {
    if (this.#phase === 'over') return
    if (this.#phase === 'error') this.#answerError()
    else if (this.#phase === 'held') this.#answerRewritten()
    else this.#complete()
  }

  onResponseError(_: unknown, error: Error): void {
    if (this.#phase === 'over') return
    if (this.#phase === 'waiting' && this.#repeats(error)) return
    this.#detail = detailOf(error)
    if (this.#phase === 'waiting') this.passage.failed()
    if (this.#isUnanswered())
      this.#refuse(error instanceof errors.HeadersTimeoutError ? TIMED_OUT : UNREACHABLE)
    else this.#breakOff(UNREACHABLE, this.#events?.canBreakSilently ?? false)
  }

  /** Time passes: a comment for a silent stream, an end for what is stuck. */
  tick(elapsedMs: number): void {
    const stalled = this.call.res.writableNeedDrain
    const open = this.#phase === 'events' || this.#phase === 'waiting'
    const trouble = this.#pace.pass({ elapsedMs, stalled, open }, this.#needs.limits)
    if (trouble === 'reader') this.#abandon('failed')
    else if (trouble === 'upstream') this.onResponseError(null, STALLED)
    else if (this.#phase === 'events') this.#keepAlive()
  }

  /**
   * Ends it from our side; an answer in JSON is left to finish. `closing` is the protocol's word for a stream that ends on
   * purpose; without it a client knows that it may come back. `instead` answers a call that has no answer yet.
   */
  end(closing: string | null, instead: Substitute): void {
    if (this.#isUnanswered()) this.#refuse(instead)
    if (this.#phase !== 'events') return
    if (closing !== null && this.#events?.atBoundary) this.call.res.write(closing)
    this.call.res.end()
    this.#stop('ended')
  }

  /** Something of our own on its stream. */
  tell(words: string): void {
    if (this.#events) this.#events.tell(words)
    else this.#words += words
  }

  /** Breaks it off. */
  destroy(): void {
    this.#abandon('failed')
  }

  #begin(verdict: Verdict): void {
    switch (verdict.kind) {
      case 'refused':
        this.#lookForEra(null)
        if (verdict.instead === CREDENTIALS && this.#handsBack) this.#handBack()
        else this.#refuse(verdict.instead)
        break
      case 'error':
        this.#instead = verdict.instead
        this.#phase = 'error'
        break
      default:
        this.#sendHead(verdict)
    }
  }

  #sendHead(verdict: { readonly kind: AnswerKind; readonly status?: number }): void {
    const { call } = this
    const length = Number(this.#headers['content-length'] ?? 0)
    if (call.rewrite && verdict.kind === 'json' && length <= (call.rewriteUpTo ?? length)) {
      this.#phase = 'held'
      return
    }
    const tooLarge = length > this.#needs.limits.maxAnswerBytes
    const head = tooLarge ? null : answerHead(call, this.#needs.sealer, this.#headers, verdict.kind)
    if (head === null) {
      this.#refuse(tooLarge ? TOO_LARGE : UNREACHABLE)
      return
    }
    this.#status = verdict.status ?? this.#status
    this.#phase = verdict.kind
    if (call.keep && verdict.kind === 'json' && this.#status === 200) this.#copy = createCopy(call.keep)
    call.res.writeHead(this.#status, head)
    // Or the client waits for it until the first event, which a silent stream does not have.
    if (verdict.kind === 'events') this.#beginEvents()
  }

  #beginEvents(): void {
    const { res, rewrite = null, watch = null, modern } = this.call
    const options = { rewrite, watch, answers: !this.listening, acknowledged: modern && this.listening }
    this.#events = new EventRelay(res, options, this.#words)
    res.flushHeaders()
    this.#events.sayWhatWaits()
    this.#forgetHeads()
  }

  /** Node keeps the head of a request with its answer, the token included, and undici that of an answer, piece by piece. */
  #forgetHeads(): void {
    const { req } = this.call
    req.headers = {}
    req.rawHeaders = []
    this.#headers = NOTHING_SAID
    if (this.#controller) this.#controller.rawHeaders = null
  }

  #relay(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#isTooLarge(this.#bytes)) return
    this.#copy?.take(chunk)
    if (this.#isWhole(chunk)) this.#whole = chunk
    else this.#send(controller, chunk)
  }

  #relayEvents(controller: Dispatcher.DispatchController, received: Buffer, events: EventRelay): void {
    const chunk = events.take(received)
    if (chunk === null) this.#abandon('failed')
    if (chunk === null || chunk.length === 0 || this.#isTooLarge(events.openBytes)) return
    this.#send(controller, chunk)
    events.sayWhatWaits()
  }

  #isTooLarge(bytes: number): boolean {
    if (bytes <= this.#needs.limits.maxAnswerBytes) return false
    this.#detail = detailOf(ENDLESS)
    this.#breakOff(TOO_LARGE, false)
    return true
  }

  #send(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.call.res.write(chunk)) return
    controller.pause()
    this.call.res.once('drain', () => controller.resume())
  }

  #isWhole(chunk: Buffer): boolean {
    return chunk.length === Number(this.#headers['content-length'])
  }

  #repeats(error: unknown): boolean {
    if (this.#repeated || !mayRepeat(this.call, this.#sent, error)) return false
    this.#repeated = true
    this.#sent = false
    this.#needs.repeat(this)
    return true
  }

  /**
   * Half an answer must not look like a whole one: the connection breaks where the upstream broke off. A stream can say so,
   * unless the client is better off without: it can take the stream up again, or has its answer.
   */
  #breakOff({ message }: Substitute, silently: boolean): void {
    const [id, ...others] = this.call.ids
    if (!this.#events || silently || this.listening || id === undefined || others.length > 0) {
      this.#abandon('failed')
      return
    }
    this.#events.breakOff(id, message)
    this.#stop('failed')
  }

  #answerError(): void {
    const body = Buffer.concat(this.#aside)
    this.#lookForEra(errorCode(body))
    if (isRpcAnswer(body)) this.#answerWhole(body, this.#instead)
    else this.#refuse(this.#instead)
  }

  /** What cannot be read could hold what the caller may not see. */
  #answerRewritten(): void {
    const { rewrite } = this.call
    const body = rewrite ? rewriteBody(Buffer.concat(this.#aside), rewrite) : null
    if (body !== null && this.#status === 200) this.call.keep?.(body)
    if (body === null) this.#refuse(NOT_MCP)
    else this.#answerWhole(body, UNREACHABLE)
  }

  #answerWhole(body: Buffer, instead: Substitute): void {
    const headers = { ...this.#headers, 'content-length': String(body.length) }
    const head = answerHead(this.call, this.#needs.sealer, headers, 'json')
    if (head === null) {
      this.#refuse(instead)
      return
    }
    this.call.res.writeHead(this.#status, head)
    this.call.res.write(body)
    this.#complete()
  }

  #lookForEra(code: number | null): void {
    const { modern, messages } = this.call
    const refused = { status: this.#status, code, method: messages[0]?.method ?? null }
    if (contradicts(modern ? 'modern' : 'legacy', refused)) this.#needs.contradicted(this.call)
  }

  /** What is rewritten, the text of an error, or what follows a status; neither of the latter has much to say. */
  #setAside(chunk: Buffer): void {
    this.#unusedBytes += chunk.length
    if (this.#isUnanswered()) this.#aside.push(chunk)
    if (this.#unusedBytes <= (this.#phase === 'held' ? MOST_REWRITTEN_BYTES : MAX_UNUSED_BYTES)) return
    if (this.#isUnanswered()) this.#refuse(this.#phase === 'held' ? NOT_MCP : this.#instead)
    if (this.#phase !== 'status') return
    this.#complete()
    this.#controller?.abort(OVER)
  }

  #keepAlive(): void {
    if (this.#pace.silentMs >= this.#needs.limits.keepAliveMs && this.#events?.keepAlive())
      this.#pace.silentMs = 0
  }

  #isUnanswered(): boolean {
    return this.#phase === 'waiting' || this.#phase === 'error' || this.#phase === 'held'
  }

  #complete(): void {
    this.#copy?.end()
    this.call.res.end(this.#whole)
    this.#finish('answered')
  }

  #refuse(instead: Substitute): void {
    const refusal = rpcRefusal({ ...instead, ids: this.call.ids, headers: passedHeaders(this.#headers) })
    this.#status = refusal.status
    writeRefusal(this.call.res, refusal, this.call.cors)
    this.#stop('refused', refusal.reason)
  }

  #handBack(): void {
    this.#handedBack = true
    this.#wantsScope = wantedScope(this.#status, this.#headers['www-authenticate'])
    this.#stop('refused', CREDENTIALS.reason)
  }

  #abandon(outcome: 'aborted' | 'failed'): void {
    if (this.#phase === 'over') return
    this.call.res.destroy()
    this.#stop(outcome)
  }

  /** Over for both sides: the upstream is told at once. */
  #stop(outcome: Outcome['outcome'], reason: RefusalReason | null = null): void {
    this.#finish(outcome, reason)
    this.#controller?.abort(OVER)
  }

  #finish(outcome: Outcome['outcome'], reason: RefusalReason | null = null): void {
    this.#phase = 'over'
    this.#aside = []
    this.#events = null
    this.#needs.over(this)
    const handedBack = this.#handedBack
    this.#settle({
      outcome,
      status: this.#status,
      reason,
      detail: this.#detail,
      handedBack,
      wantsScope: this.#wantsScope,
      ...(handedBack && { wantsNonce: wantsNonce(this.#status, this.#headers['www-authenticate']) }),
    })
  }
}
