// Owns what the audit learns about a call: who called what, and how it ended; never what was said.

import type { Caller } from '../oauth/caller.ts'
import type { CallRecord } from '../ops/audit.ts'
import { toolOf } from './access.ts'
import type { RpcMessage } from './message.ts'
import type { Outcome } from './outcome.ts'

export interface CallEvent extends CallRecord {
  readonly httpMethod: string
  readonly outcome: Outcome['outcome']
  readonly reason: Outcome['reason']
  readonly detail: Outcome['detail']
}

/** What is known about a visit at the time that it ends, however early that is. */
export interface Visit {
  /** Those concerned, by name: one, or several where several answer as one. */
  readonly upstreams: readonly string[]
  readonly caller: Caller | null
  readonly httpMethod: string
  readonly ip: string
  /** In the words of the upstream concerned. */
  readonly messages: readonly RpcMessage[]
}

/** Enough for the names in a batch; a single one is a few dozen characters. */
const NAMES_LENGTH = 4096

export function callEvent(visit: Visit, outcome: Outcome, milliseconds: number): CallEvent {
  const { upstreams, caller, httpMethod, ip, messages } = visit
  return {
    subject: caller?.subject ?? null,
    clientId: caller?.clientId ?? null,
    upstream: upstreams.length === 0 ? null : upstreams.join(',').slice(0, NAMES_LENGTH),
    httpMethod,
    method: joined(messages, ({ method }) => method),
    tool: joined(messages, toolOf),
    ...outcome,
    ip,
    milliseconds: Math.round(milliseconds * 10) / 10,
  }
}

/** What JSON leaves as it is, and some readers of logs take for the end of a line or for commands. */
const CONTROLS = /[\x7f-\x9f\u2028\u2029]/g

function plain(name: string): string {
  return name.slice(0, NAMES_LENGTH).replace(CONTROLS, '\ufffd')
}

/** A batch hides nothing: every name is there. */
function joined(
  messages: readonly RpcMessage[],
  nameOf: (message: RpcMessage) => string | null,
): string | null {
  const [only] = messages
  if (only && messages.length === 1) {
    const name = nameOf(only)
    return name === null ? null : plain(name)
  }
  const names = messages.flatMap((message) => nameOf(message) ?? [])
  return names.length === 0 ? null : plain(names.join(','))
}
