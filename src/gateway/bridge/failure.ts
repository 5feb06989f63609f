// Owns what a client is told when a peer has no answer.

import { PeerFailure, type PeerFailureReason } from '../../mcp/peer.ts'
import type { RpcId } from '../../mcp/rpc.ts'
import { INTERNAL_ERROR, INVALID_PARAMS } from '../../mcp/rpc.ts'
import {
  CREDENTIALS,
  LOGIN_LATER,
  NOT_MCP,
  type Substitute,
  substituteStatus,
  TIMED_OUT,
  UNREACHABLE,
} from '../answer.ts'
import { DOWN, LIMITED } from '../limits/too-much.ts'
import { Refusal, rpcRefusal } from '../refusal.ts'

const RETRY_AFTER_SECONDS = 5
/** Which pass by themselves, whether or not it is known when. */
const LATER: ReadonlySet<PeerFailureReason> = new Set(['busy', 'limited'])
const BROKEN = 'Something went wrong here.'

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
  limited: LIMITED,
  down: DOWN,
  lost: LOST,
}

/** In the words and with the status that the same failure has where bytes are passed on. */
function failureRefusal(
  { reason, retryAfterSeconds, description }: PeerFailure,
  ids: readonly RpcId[],
  probe = false,
): Refusal {
  const isLater = reason === 'credentials' && retryAfterSeconds !== null
  const instead = isLater ? LOGIN_LATER : SUBSTITUTES[reason]
  const seconds = retryAfterSeconds ?? (LATER.has(reason) ? RETRY_AFTER_SECONDS : null)
  const headers = seconds === null ? [] : ['retry-after', String(seconds)]
  const message = description ?? instead.message
  return rpcRefusal({ ...instead, message, status: substituteStatus(instead.status, probe), ids, headers })
}

/** What anything that was thrown comes to; a bug or an outage is reported, and told as such. */
export function refusalFor(
  error: unknown,
  ids: readonly RpcId[],
  report: (error: unknown) => void,
  probe = false,
): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof PeerFailure) return failureRefusal(error, ids, probe)
  report(error)
  return rpcRefusal({ status: 500, reason: 'internal', code: INTERNAL_ERROR, message: BROKEN, ids })
}
