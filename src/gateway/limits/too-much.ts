// Owns what a client is told when there is too much of something: what it was, and when to come back.

import type { Excess } from '../../http/meter.ts'
import { INTERNAL_ERROR } from '../../mcp/rpc.ts'
import type { Barrier } from '../../upstreams/guards.ts'
import { type Substitute, substituteStatus } from '../answer.ts'
import { type Call, isProbe } from '../call.ts'
import { type Refusal, type RefusalReason, rpcRefusal } from '../refusal.ts'

/** RFC 6585 §4. */
const TOO_MANY = 429

const TEXTS: Readonly<
  Record<Excess['of'], { readonly reason: RefusalReason; readonly person: string; readonly client: string }>
> = {
  rate: {
    reason: 'rate',
    person: 'You have sent too many requests lately. Try again later.',
    client: 'This client has sent too many requests lately. Try again later.',
  },
  calls: {
    reason: 'calls',
    person: 'You have too many calls under way. Try again when one of them is done.',
    client: 'This client has too many calls under way. Try again when one of them is done.',
  },
  streams: {
    reason: 'streams',
    person: 'You have too many streams open. Close one of them first.',
    client: 'This client has too many streams open. Try again later.',
  },
}

export function tooMuch(excess: Excess, whose: 'person' | 'client', call: Call): Refusal {
  const { reason, [whose]: message } = TEXTS[excess.of]
  return rpcRefusal({
    status: substituteStatus(TOO_MANY, isProbe(call)),
    reason,
    code: TOO_MANY,
    message,
    ids: call.ids,
    headers: ['retry-after', String(excess.retryAfterSeconds)],
  })
}

export const LIMITED: Substitute = {
  status: TOO_MANY,
  reason: 'upstream_limited',
  code: TOO_MANY,
  message: 'The upstream server, or this tool of it, was called too often lately. Try again later.',
}

export const DOWN: Substitute = {
  status: 503,
  reason: 'upstream_down',
  code: INTERNAL_ERROR,
  message: 'The upstream server has not answered several times in a row. Try again later.',
}

const BARRIERS: Readonly<Record<Barrier['reason'], Substitute>> = {
  // Not the fault of who calls, so not a 4xx.
  busy: {
    status: 503,
    reason: 'upstream_busy',
    code: INTERNAL_ERROR,
    message: 'As much is under way at the upstream server as it takes. Try again later.',
  },
  limited: LIMITED,
  down: DOWN,
}

/** Of the guards of an upstream. */
export function barred({ reason, retryAfterSeconds }: Barrier, call: Call): Refusal {
  const instead = BARRIERS[reason]
  return rpcRefusal({
    ...instead,
    status: substituteStatus(instead.status, isProbe(call)),
    ids: call.ids,
    headers: ['retry-after', String(retryAfterSeconds)],
  })
}
