// Owns the replies under way: one timer for all of them, and their end when access, the token or the service ends.

import type { AnswerBudget } from '../../http/answer-budget.ts'
import { INTERNAL_ERROR } from '../../mcp/rpc.ts'
import { isExpired } from '../access-token.ts'
import type { Call } from '../call.ts'
import type { Limits } from '../limits.ts'
import type { RpcRefusal } from '../refusal.ts'
import { rpcRefusal } from '../refusal.ts'
import type { Revocations } from '../revocations.ts'
import { type OpenReply, openReply, type Reply } from './reply.ts'

export interface RepliesNeeds {
  readonly limits: Limits
  /** Of all answers together. */
  readonly budget?: AnswerBudget
  readonly revocations: Pick<Revocations, 'hasEnded' | 'onChange'>
  /** Milliseconds. */
  readonly clock: () => number
}

export interface Replies {
  open(call: Call): Reply
  openStreams(): number
  /** Ends what only listens, now and from now on; calls go on. */
  endListening(): void
  /** Breaks off what is left. */
  destroy(): void
}

type Ending = Omit<RpcRefusal, 'ids'>

const ACCESS_ENDED: Ending = { status: 403, reason: 'token', code: 403, message: 'The access has ended.' }
const CLOSING: Ending = {
  status: 503,
  reason: 'draining',
  code: INTERNAL_ERROR,
  message: 'This service is being stopped. Try again.',
}

export function createReplies({ limits, budget, revocations, clock }: RepliesNeeds): Replies {
  const replies = new Set<OpenReply>()
  let ending = false
  const pulse = setInterval(beat, limits.pulseMs).unref()
  revocations.onChange(endRevoked)

  function beat(): void {
    endRevoked()
    for (const reply of replies) {
      if (hasExpired(reply)) end(reply, false, ACCESS_ENDED)
      else reply.tick(limits.pulseMs)
    }
  }

  function endRevoked(): void {
    for (const reply of replies) {
      if (revocations.hasEnded(reply.call.caller)) end(reply, reply.listening, ACCESS_ENDED)
    }
  }

  /** As with what passes: who only listens comes back with a new token, a call that began in time may take longer. */
  function hasExpired({ call: { caller }, listening }: Reply): boolean {
    return listening && isExpired(caller.expiresAt, Math.floor(clock() / 1000))
  }

  return {
    open(call) {
      const reply = openReply(call, { limits, budget }, (over) => void replies.delete(over))
      if (reply.isOver()) return reply
      replies.add(reply)
      // It may have come in before the end was decided, with its body still on the way.
      if (ending && reply.listening) end(reply, false, CLOSING)
      return reply
    },
    openStreams: () => [...replies].filter((reply) => reply.isStreaming()).length,
    endListening() {
      ending = true
      for (const reply of replies) if (reply.listening) end(reply, true, CLOSING)
    },
    destroy() {
      clearInterval(pulse)
      for (const reply of replies) reply.destroy()
    },
  }
}

function end(reply: OpenReply, gracefully: boolean, instead: Ending): void {
  reply.end(gracefully, rpcRefusal({ ...instead, ids: reply.call.ids }))
}
