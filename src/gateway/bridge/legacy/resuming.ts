// Owns reading on where a stream broke (MCP 2025-11-25, "Resumability and Redelivery"): at the replica that has it, or through it.

import type { Mailbox } from '../../../mcp/mailbox.ts'
import { INTERNAL_ERROR, INVALID_REQUEST } from '../../../mcp/rpc.ts'
import { rpcRefusal } from '../../refusal.ts'
import type { Reply } from '../reply.ts'
import { type Cursor, eventIds } from './event-id.ts'
import type { LegacySession } from './handle.ts'
import { type Notice, type Notices, newAddress } from './notices.ts'
import { openRemoteReader, type RemoteReader, readElsewhere } from './remote-reader.ts'
import { errorResponse } from './translation.ts'
import type { Turns } from './turns.ts'

export interface ResumingNeeds {
  readonly mailbox: Mailbox
  readonly turns: Turns
  readonly notices: Notices
  readonly report: (error: unknown) => void
  readonly pulseMs: number
}

export interface Resuming {
  resume(reply: Reply, session: LegacySession, cursor: Cursor): Promise<void>
  /** A client reads on at another replica, or not any more. */
  attach(notice: Extract<Notice, { kind: 'attach' }>): void
  detach(notice: Extract<Notice, { kind: 'detach' }>): void
  destroy(): void
}

export function createResuming({ mailbox, turns, notices, report, pulseMs }: ResumingNeeds): Resuming {
  const remote = new Map<string, RemoteReader>()
  const pulse = setInterval(() => {
    for (const reader of remote.values()) reader.alive()
  }, pulseMs).unref()

  async function resume(reply: Reply, session: LegacySession, cursor: Cursor): Promise<void> {
    const turn = turns.findResumable(cursor.turn, session.id)
    if (!turn) return resumeElsewhere(reply, session, cursor)
    if (reply.isOver()) return
    const reader = { event: reply.event, end: reply.endEvents }
    reply.signal.addEventListener('abort', () => turn.detach(reader))
    if (!turn.attach(reader, cursor.after)) refuseEmpty(reply)
    else reply.beginEvents()
  }

  async function resumeElsewhere(reply: Reply, session: LegacySession, cursor: Cursor): Promise<void> {
    const address = newAddress()
    const whole = { session: session.id, turn: cursor.turn, reply: address }
    const found = await readElsewhere({ mailbox, address, reply, pulseMs }, () =>
      notices.tell({ kind: 'attach', after: cursor.after, ...whole }),
    )
    if (found === 'left' || found === 'lost') void notices.tell({ kind: 'detach', ...whole })
    const unknown = found === 'lost' && (cursor.last || cursor.requests.length === 0)
    if (found === 'nothing' || unknown) refuseEmpty(reply)
    else if (found === 'lost') tellLost(reply, cursor)
  }

  return {
    resume,
    attach({ session, turn: id, after, reply }) {
      const turn = turns.findResumable(id, session)
      if (!turn) return
      const reader = openRemoteReader(mailbox, reply, { report, onEnd: () => remote.delete(reply) })
      remote.set(reply, reader)
      if (turn.attach(reader, after)) reader.attached()
      else reader.nothing()
    },
    detach({ session, turn, reply }) {
      const reader = remote.get(reply)
      remote.delete(reply)
      if (reader) turns.findResumable(turn, session)?.detach(reader)
    },
    destroy() {
      clearInterval(pulse)
      remote.clear()
    },
  }
}

/** The client has everything. Clients take this status for "no stream", and do not ask again. */
function refuseEmpty(reply: Reply): void {
  reply.refuse(
    rpcRefusal({
      status: 405,
      reason: 'method',
      code: INVALID_REQUEST,
      message: 'There is nothing left on this stream.',
      headers: ['allow', 'POST, DELETE'],
    }),
  )
}

/** Better than silence: the client would wait for an answer that cannot come any more. */
function tellLost(reply: Reply, { turn, after, requests }: Cursor): void {
  const message =
    'The connection to this call was lost, and its answer with it. What it does may have been done.'
  const idOf = eventIds(turn, requests)
  for (const [index, request] of requests.entries()) {
    const last = index === requests.length - 1
    reply.event(errorResponse(request, { code: INTERNAL_ERROR, message }), idOf(after + index + 1, last))
  }
  reply.endEvents()
}
