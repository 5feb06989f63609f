// Owns the rounds of one request: what the upstream asks goes to the client, and what it says goes back, until there is an answer.

import { setTimeout as delay } from 'node:timers/promises'
import type { Peer, PeerAnswer, PeerRequest, Visitor } from '../../../mcp/peer.ts'
import { INTERNAL_ERROR, type Members, type RpcError, type RpcId } from '../../../mcp/rpc.ts'
import { AskFailure } from './asking.ts'
import { inputResponses, questionsFor } from './questions.ts'
import { progressOrLog } from './translation.ts'
import type { Turn } from './turn.ts'

export interface RoundsNeeds {
  readonly peer: Peer
  readonly visitor: Visitor
  readonly turn: Turn
  readonly id: RpcId
}

const MAX_ROUNDS = 16
/** An upstream that asks for nothing but to be called again means: later. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 10_000

/** MCP 2026-07-28, basic/patterns/mrtr.mdx. Rejects with a `PeerFailure`, or when the request is cancelled. */
export async function answerInRounds(needs: RoundsNeeds, first: PeerRequest): Promise<PeerAnswer> {
  const signal = needs.turn.signalOf(needs.id)
  let request = first
  for (let round = 0; round <= MAX_ROUNDS; round++) {
    const answer = await needs.peer.request(needs.visitor, request, { signal, notify })
    if (answer.kind === 'error' || answer.result.resultType !== 'input_required') return answer
    const next = await nextRound(needs, answer.result, { round, signal })
    if (next.kind === 'error') return next
    request = { ...first, ...next.retry }
  }
  return failed({ code: INTERNAL_ERROR, message: `The upstream server asked more than ${MAX_ROUNDS} times.` })

  function notify(notification: Parameters<typeof progressOrLog>[0]): void {
    const message = progressOrLog(notification)
    if (message !== null) needs.turn.notify(message)
  }
}

type NextRound =
  | { readonly kind: 'retry'; readonly retry: Pick<PeerRequest, 'inputResponses' | 'requestState'> }
  | { readonly kind: 'error'; readonly error: RpcError }

async function nextRound(
  { turn }: RoundsNeeds,
  { inputRequests = {}, requestState }: Members,
  { round, signal }: { readonly round: number; readonly signal: AbortSignal },
): Promise<NextRound> {
  signal.throwIfAborted()
  const asked = questionsFor(inputRequests, turn.session)
  if (asked.kind === 'error') return asked
  const state = typeof requestState === 'string' ? requestState : null
  if (asked.questions.length === 0) {
    await delay(Math.min(FIRST_PAUSE_MS * 2 ** round, LONGEST_PAUSE_MS), undefined, { signal })
    return { kind: 'retry', retry: { inputResponses: null, requestState: state } }
  }
  try {
    const said = inputResponses(asked.questions, await turn.ask(asked.questions, signal))
    if (said.kind === 'error') return said
    return { kind: 'retry', retry: { inputResponses: said.responses, requestState: state } }
  } catch (error) {
    if (error instanceof AskFailure) return failed(error.error)
    throw error
  }
}

function failed(error: RpcError): { readonly kind: 'error'; readonly error: RpcError } {
  return { kind: 'error', error }
}
