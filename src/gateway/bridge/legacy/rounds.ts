// Owns the rounds of one request: what the upstream asks goes to the client, and what it says goes back, until there is an answer.

import { setTimeout as delay } from 'node:timers/promises'
import type { Peer, PeerAnswer, PeerRequest, Visitor } from '../../../mcp/peer.ts'
import { INTERNAL_ERROR, type Members, type RpcError, type RpcId } from '../../../mcp/rpc.ts'
import { AskFailure } from './asking.ts'
import { createOpenedLinks, type OpenedLinks } from './opened-links.ts'
import { inputResponses, linksRequired, questionsFor } from './questions.ts'
import { progressOrLog } from './translation.ts'
import type { Turn } from './turn.ts'

export interface RoundsNeeds {
  readonly peer: Peer
  readonly visitor: Visitor
  readonly turn: Turn
  readonly id: RpcId
}

const MAX_ROUNDS = 16
const TOO_OFTEN: RpcError = {
  code: INTERNAL_ERROR,
  message: `The upstream server asked more than ${MAX_ROUNDS} times.`,
}
/** An upstream that asks for nothing but to be called again means: later. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 10_000

/** MCP 2026-07-28, basic/patterns/mrtr.mdx. Rejects with a `PeerFailure`, or when the request is cancelled. */
export async function answerInRounds(needs: RoundsNeeds, first: PeerRequest): Promise<PeerAnswer> {
  const signal = needs.turn.signalOf(needs.id)
  const links = createOpenedLinks()
  let request = first
  let asked: unknown
  let waits = 0
  for (let round = 0; round <= MAX_ROUNDS; round++) {
    const answer = await needs.peer.request(needs.visitor, request, { signal, notify })
    if (answer.kind === 'error') return answer
    if (answer.result.resultType !== 'input_required') {
      tellDone(needs.turn, links.done([]))
      return answer
    }
    asked = answer.result.inputRequests
    const next = await nextRound(needs, answer.result, { waits, signal, links })
    if (next.kind === 'error') return next
    waits = next.kind === 'wait' ? waits + 1 : 0
    request = { ...first, ...next.retry }
  }
  return failed(linksRequired(asked) ?? TOO_OFTEN)

  function notify(notification: Parameters<typeof progressOrLog>[0]): void {
    const message = progressOrLog(notification)
    if (message !== null) needs.turn.notify(message)
  }
}

/** MCP 2025-11-25, Elicitation, "Completion Notifications for URL Mode Elicitation". */
function tellDone(turn: Turn, done: readonly unknown[]): void {
  for (const elicitationId of done)
    turn.notify({ jsonrpc: '2.0', method: 'notifications/elicitation/complete', params: { elicitationId } })
}

type NextRound =
  /** `wait`: after a pause, because there was nothing to ask. */
  | { readonly kind: 'retry' | 'wait'; readonly retry: Pick<PeerRequest, 'inputResponses' | 'requestState'> }
  | { readonly kind: 'error'; readonly error: RpcError }

interface Round {
  readonly waits: number
  readonly signal: AbortSignal
  readonly links: OpenedLinks
}

async function nextRound(
  { turn }: RoundsNeeds,
  { inputRequests = {}, requestState }: Members,
  { waits, signal, links }: Round,
): Promise<NextRound> {
  signal.throwIfAborted()
  const asked = questionsFor(inputRequests, turn.session)
  if (asked.kind === 'error') return asked
  const { questions } = asked
  const state = typeof requestState === 'string' ? requestState : null
  tellDone(turn, links.done(questions))
  const unopened = links.unopened(questions)
  const opened = links.wait(questions)
  if (opened === null) return failed(linksRequired(inputRequests) ?? TOO_OFTEN)
  if (unopened.length === 0) {
    await delay(Math.min(FIRST_PAUSE_MS * 2 ** waits, LONGEST_PAUSE_MS), undefined, { signal })
    const responses = questions.length === 0 ? null : opened
    return { kind: 'wait', retry: { inputResponses: responses, requestState: state } }
  }
  try {
    const said = inputResponses(unopened, await turn.ask(unopened, signal))
    if (said.kind === 'error') return said
    links.remember(unopened, said.responses)
    return { kind: 'retry', retry: { inputResponses: { ...opened, ...said.responses }, requestState: state } }
  } catch (error) {
    if (error instanceof AskFailure) return failed(error.error)
    throw error
  }
}

function failed(error: RpcError): { readonly kind: 'error'; readonly error: RpcError } {
  return { kind: 'error', error }
}
