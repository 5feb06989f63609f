// Owns the responses that a client posts: the answers to what it was asked.

import { parseUnrounded } from '../../../mcp/exact-json.ts'
import { INVALID_REQUEST, isRecord, isRpcId, type RpcId } from '../../../mcp/rpc.ts'
import type { RpcMessage } from '../../message.ts'
import { malformed, rpcRefusal } from '../../refusal.ts'
import { turnAsking } from './event-id.ts'
import type { LegacySession } from './handle.ts'
import type { Notices } from './notices.ts'
import type { Told } from './questions.ts'
import type { Turns } from './turns.ts'

interface Posted {
  readonly id: RpcId
  readonly told: Told
}

export interface ResponsesNeeds {
  readonly turns: Turns
  readonly notices: Notices
}

/** How long another replica has to say that it got it. */
const HANDOVER_MS = 3_000
/** A little less than what a message between replicas holds. */
const MAX_HANDOVER_BYTES = 1_000_000

/** Refuses (400) what answers no question that is open: asked in this session, of this client, and not answered yet. */
export async function takeResponses(
  { turns, notices }: ResponsesNeeds,
  session: LegacySession,
  body: Buffer | null,
  messages: readonly RpcMessage[],
): Promise<void> {
  if (!messages.some(({ kind }) => kind === 'response')) return
  for (const { id, told } of postedIn(body)) {
    const turn = turnAsking(id, session.id)
    const holder = turn === null ? null : turns.find(turn, session.id)
    const taken = holder ? holder.take(id, told) : turn !== null && (await handOver(turn, String(id), told))
    if (!taken) throw malformed('This answers no question that is open.')
  }

  async function handOver(turn: string, question: string, told: Told): Promise<boolean> {
    if (Buffer.byteLength(JSON.stringify(told)) > MAX_HANDOVER_BYTES) throw tooLarge()
    const ask = (reply: string) => ({
      kind: 'told' as const,
      session: session.id,
      turn,
      question,
      told: copied(told),
      reply,
    })
    return (await notices.ask(ask, HANDOVER_MS)) === TAKEN
  }
}

export const TAKEN = 'taken'
export const NOT_TAKEN = 'not taken'

/** The walk has read the messages, and kept of a response that it is one. */
function postedIn(body: Buffer | null): readonly Posted[] {
  const json = parseUnrounded(body?.toString() ?? '[]')
  const elements: readonly unknown[] = Array.isArray(json) ? json : [json]
  return elements.flatMap((element): Posted[] => {
    if (!isRecord(element) || 'method' in element || !isRpcId(element.id)) return []
    const { id, result, error } = element
    if (isRecord(error)) return [{ id, told: { error } }]
    return [{ id, told: { result: isRecord(result) ? result : {} } }]
  })
}

function copied(told: Told): { result: Record<string, unknown> } | { error: Record<string, unknown> } {
  return 'result' in told ? { result: { ...told.result } } : { error: { ...told.error } }
}

function tooLarge() {
  const message = `The response has more than ${MAX_HANDOVER_BYTES} bytes.`
  return rpcRefusal({ status: 413, reason: 'too_large', code: INVALID_REQUEST, message })
}
