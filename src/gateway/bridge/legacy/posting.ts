// Owns what a client posts in its session: requests, each answered by itself, notifications, and responses.

import type { Peer, Visitor } from '../../../mcp/peer.ts'
import { INVALID_PARAMS, isRpcId, type RpcId } from '../../../mcp/rpc.ts'
import { wantsFresh } from '../../cache/question.ts'
import type { Call } from '../../call.ts'
import type { RpcMessage } from '../../message.ts'
import { malformed } from '../../refusal.ts'
import { resultMessage } from '../event-text.ts'
import { refusalFor } from '../failure.ts'
import type { Reply } from '../reply.ts'
import { traceIn } from '../trace.ts'
import { acceptedBy, notAcceptable } from './accepted.ts'
import { withoutQuestions } from './capabilities.ts'
import type { LegacySession } from './handle.ts'
import type { Notices } from './notices.ts'
import { answerOwn, logLevelOf } from './own-methods.ts'
import { takeResponses } from './responses.ts'
import { answerInRounds } from './rounds.ts'
import type { SessionStates } from './session-states.ts'
import type { SessionChange, SessionState } from './session-store.ts'
import { errorResponse, responseTo, toPeer } from './translation.ts'
import { openTurn, type Turn } from './turn.ts'
import type { Turns } from './turns.ts'

export interface PostingNeeds {
  readonly states: SessionStates
  readonly turns: Turns
  readonly notices: Notices
  readonly report: (error: unknown) => void
  readonly clock: () => number
}

export interface InSession {
  readonly session: LegacySession
  readonly state: SessionState
}

/** An answer that comes within this time, and alone, is plain JSON. */
const GRACE_MS = 2_000
/** How long the stream of a session has to follow a subscription. There may be none. */
const HEARING_MS = 1_000
const SPACE = 0x20
const BRACKET = 0x5b

export async function answerPost(
  needs: PostingNeeds,
  reply: Reply,
  peer: Peer,
  within: InSession,
): Promise<void> {
  const { call } = reply
  const { session } = within
  // Only a request without the version header is read as one that may be a batch.
  if (call.messages.length > 1 && session.version !== '2025-03-26')
    throw malformed('This protocol version has no batches.', call.ids)
  for (const message of call.messages) if (isCancellation(message)) cancel(needs, session, message)
  await takeResponses(needs, session, call.body, call.messages)
  if (call.ids.length === 0) return reply.accept()
  answerRequests(needs, reply, peer, within)
}

function answerRequests(needs: PostingNeeds, reply: Reply, peer: Peer, within: InSession): void {
  const { call } = reply
  const { json, events } = acceptedBy(call.req)
  if (!json && !events) throw notAcceptable('application/json and text/event-stream', call.ids)
  if (new Set(call.ids).size < call.ids.length) throw malformed('Two requests have the same id.', call.ids)
  const { turns, clock } = needs
  const patience = setTimeout(() => turn.begin(), GRACE_MS)
  const turn = openTurn({
    reply,
    session: within.session,
    requests: call.ids,
    batch: isBatch(call),
    streams: events,
    clock,
    onFinished: (finished, kept) => {
      clearTimeout(patience)
      turns.finished(finished, kept)
    },
  })
  turns.add(turn)
  if (!json) turn.begin()
  const { capabilities, ...others } = visitorOf(call, within)
  const visitor = { ...others, capabilities: events ? capabilities : withoutQuestions(capabilities) }
  for (const message of call.messages) {
    if (message.kind === 'request' && message.id !== null)
      answerOne({ ...needs, turn, peer, visitor, id: message.id }, message).catch(needs.report)
  }
}

interface Answering extends PostingNeeds {
  readonly turn: Turn
  readonly peer: Peer
  readonly visitor: Visitor
  readonly id: RpcId
}

async function answerOne(answering: Answering, message: RpcMessage): Promise<void> {
  const { turn, id, report } = answering
  try {
    await answerKind(answering, message)
  } catch (error) {
    // It was cancelled: whatever it came to, nobody waits for it.
    if (turn.signalOf(id).aborted) return
    const refusal = refusalFor(error, [id], report)
    turn.respond(id, JSON.parse(refusal.body), refusal)
  }
}

async function answerKind(answering: Answering, { method, params }: RpcMessage): Promise<void> {
  const { turn, id } = answering
  const own = answerOwn(method ?? '', params, turn.session)
  switch (own?.kind) {
    case 'nothing':
      return turn.respond(id, resultMessage(id, {}))
    case 'error':
      return turn.respond(id, errorResponse(id, own.error))
    case 'change':
      return turn.respond(id, await change(answering, own.change))
    default: {
      const request = toPeer(method ?? '', params)
      const answer = await answerInRounds(answering, request)
      turn.respond(id, responseTo(id, request, answer))
    }
  }
}

async function change({ states, notices, turn, id }: Answering, wanted: SessionChange) {
  const { session } = turn
  const state = await states.change(session, wanted)
  if (state === null) {
    return errorResponse(id, {
      code: INVALID_PARAMS,
      message: 'There are too many subscriptions in this session.',
    })
  }
  const changed = { kind: 'changed' as const, session: session.id }
  if (wanted.kind !== 'subscribe') await notices.tell(changed)
  // What changes after the answer has to reach the client's stream, wherever that is.
  else await notices.ask((reply) => ({ ...changed, reply }), HEARING_MS)
  return resultMessage(id, {})
}

/** MCP 2025-11-25, Cancellation: what names no request that is under way is ignored. */
function cancel({ turns, notices }: PostingNeeds, session: LegacySession, { params }: RpcMessage): void {
  const { requestId } = params
  if (!isRpcId(requestId) || turns.cancel(session.id, requestId)) return
  void notices.tell({ kind: 'cancelled', session: session.id, request: requestId })
}

function isCancellation({ kind, method }: RpcMessage): boolean {
  return kind === 'notification' && method === 'notifications/cancelled'
}

/** An array of one is a batch too, and its answer an array. The walk has read it as JSON. */
function isBatch({ body }: Call): boolean {
  return body?.find((byte) => byte > SPACE) === BRACKET
}

export function visitorOf({ caller, req }: Call, { session, state }: InSession): Visitor {
  const { capabilities, clientInfo, offers } = session
  return {
    caller,
    clientInfo,
    capabilities,
    logLevel: logLevelOf(offers, state),
    trace: traceIn(req.headers),
    wantsFresh: wantsFresh(req.headers),
  }
}
