// Owns the front for clients of the legacy era: the session that a request continues, and who answers it.

import { SESSION_REVISIONS } from '../../../mcp/era.ts'
import type { Peer } from '../../../mcp/peer.ts'
import { INVALID_REQUEST } from '../../../mcp/rpc.ts'
import type { Call } from '../../call.ts'
import type { Outcome } from '../../outcome.ts'
import { malformed, rpcRefusal } from '../../refusal.ts'
import { refusalFor } from '../failure.ts'
import type { Front, FrontNeeds } from '../front.ts'
import { createReplies } from '../replies.ts'
import type { Reply } from '../reply.ts'
import { acceptedBy, notAcceptable } from './accepted.ts'
import { readEventId } from './event-id.ts'
import { openHandle } from './handle.ts'
import { createListeners } from './listening.ts'
import { createNotices, type Notice } from './notices.ts'
import { initialize, isInitialize } from './opening.ts'
import { answerPost, type InSession, visitorOf } from './posting.ts'
import { NOT_TAKEN, TAKEN } from './responses.ts'
import { createResuming } from './resuming.ts'
import { createSessionStates } from './session-states.ts'
import { createTurns } from './turns.ts'

const REVISIONS: readonly string[] = SESSION_REVISIONS

export function createLegacyFront(needs: FrontNeeds): Front {
  const { sessions, mailbox, report, clock, limits } = needs
  const replies = createReplies(needs)
  const turns = createTurns(needs)
  const states = createSessionStates(needs.sessionStore, clock)
  const notices = createNotices({ mailbox, report }, hear)
  const listeners = createListeners({ states, notices, report, registry: needs.registry })
  const resuming = createResuming({ mailbox, turns, notices, report, pulseMs: limits.pulseMs })
  const inside = { states, turns, notices, report, clock, sessions }

  async function answer(reply: Reply, peer: Peer): Promise<void> {
    const { call } = reply
    refuseVersion(call)
    if (isInitialize(call.messages)) return initialize(inside, reply, peer)
    await notices.ready()
    const within = await sessionOf(call)
    switch (call.method) {
      case 'POST':
        return answerPost(inside, reply, peer, within)
      case 'GET':
        return answerGet(reply, peer, within)
      case 'DELETE':
        return endSession(reply, within)
    }
  }

  /** MCP 2025-11-25, "Session Management". */
  async function sessionOf({ req, caller, place, ids }: Call): Promise<InSession> {
    const handle = req.headers['mcp-session-id']
    if (typeof handle !== 'string') throw malformed('Mcp-Session-Id is missing. Begin with initialize.', ids)
    const session = openHandle(sessions, handle, caller, place.resource.path, clock())
    const state = session && (await states.of(session))
    if (session && state && !state.ended) return { session, state }
    const message = 'This session is not known. Start a new one.'
    throw rpcRefusal({ status: 404, reason: 'session', code: INVALID_REQUEST, message, ids })
  }

  async function answerGet(reply: Reply, peer: Peer, within: InSession): Promise<void> {
    const { req } = reply.call
    if (!acceptedBy(req).events) throw notAcceptable('text/event-stream')
    const lastEventId = req.headers['last-event-id']
    const cursor = typeof lastEventId === 'string' ? readEventId(lastEventId, within.session.id) : null
    if (cursor) return resuming.resume(reply, within.session, cursor)
    const visitor = { ...visitorOf(reply.call, within), logLevel: null }
    return listeners.open(reply, within.session, peer, visitor)
  }

  async function endSession(reply: Reply, { session }: InSession): Promise<void> {
    await states.change(session, { kind: 'end' })
    await notices.tell({ kind: 'ended', session: session.id })
    reply.accept(200)
  }

  function hear(notice: Notice): void {
    switch (notice.kind) {
      case 'changed':
        states.forget(notice.session)
        listeners.changed(notice.session, () => sayHeard(notice))
        break
      case 'ended':
        states.forget(notice.session)
        turns.endSession(notice.session)
        listeners.close(notice.session)
        break
      case 'cancelled':
        turns.cancel(notice.session, notice.request)
        break
      case 'listening':
        listeners.close(notice.session, notice.by)
        break
      case 'told':
        hearTold(notice)
        break
      case 'attach':
        resuming.attach(notice)
        break
      case 'detach':
        resuming.detach(notice)
    }
  }

  function sayHeard({ reply }: Extract<Notice, { kind: 'changed' }>): void {
    if (reply !== undefined) mailbox.send(reply, 'heard').catch(report)
  }

  function hearTold({ session, turn: id, question, told, reply }: Extract<Notice, { kind: 'told' }>): void {
    const turn = turns.find(id, session)
    if (turn) mailbox.send(reply, turn.take(question, told) ? TAKEN : NOT_TAKEN).catch(report)
  }

  return {
    serve(call, peer): Promise<Outcome> {
      const reply = replies.open(call)
      answer(reply, peer).catch((error: unknown) => {
        // Whatever it is, nobody is there to hear it.
        if (!reply.isOver()) reply.refuse(refusalFor(error, call.ids, report))
      })
      return reply.outcome
    },
    openStreams: replies.openStreams,
    endListening: replies.endListening,
    async destroy() {
      turns.destroy()
      resuming.destroy()
      replies.destroy()
      await notices.close()
    },
  }
}

/** MCP 2025-11-25, "Protocol Version Header". Who sends none speaks what the session speaks. */
function refuseVersion({ req, ids }: Call): void {
  const version = req.headers['mcp-protocol-version']
  if (version === undefined || (typeof version === 'string' && REVISIONS.includes(version))) return
  throw malformed(`This protocol version is not spoken here. Use one of ${REVISIONS.join(', ')}.`, ids)
}
