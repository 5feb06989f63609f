// Owns what a client is told when a peer has no answer.

import type { PeerFailure, PeerFailureReason } from '../../mcp/peer.ts'
import type { RpcId } from '../../mcp/rpc.ts'
import { INTERNAL_ERROR, INVALID_PARAMS } from '../../mcp/rpc.ts'
import { CREDENTIALS, NOT_MCP, type Substitute, TIMED_OUT, UNREACHABLE } from '../answer.ts'
import { type Refusal, rpcRefusal } from '../refusal.ts'

const RETRY_AFTER_SECONDS = 5

const BUSY: Substitute = {
  status: 503,
  reason: 'upstream_busy',
  code: INTERNAL_ERROR,
  message: 'Too much is open at the upstream server for you already. Try again later.',
}

/** MCP 2026-07-28, basic/patterns/mrtr.mdx, "Error Handling". Nothing is done twice: whoever called decides. */
const LOST: Substitute = {
  status: 400,
  reason: 'lost',
  code: INVALID_PARAMS,
  message:
    'What this request continues is gone. Make the call again, without requestState and inputResponses.',
}

const SUBSTITUTES: Readonly<Record<PeerFailureReason, Substitute>> = {
  unreachable: UNREACHABLE,
  timed_out: TIMED_OUT,
  credentials: CREDENTIALS,
  answer: NOT_MCP,
  busy: BUSY,
  lost: LOST,
}

/** In the words and with the status that the same failure has where bytes are passed on. */
export function failureRefusal({ reason }: PeerFailure, ids: readonly RpcId[]): Refusal {
  const headers = reason === 'busy' ? ['retry-after', String(RETRY_AFTER_SECONDS)] : []
  return rpcRefusal({ ...SUBSTITUTES[reason], ids, headers })
}
