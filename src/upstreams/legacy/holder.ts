// Owns the side of the replica that holds calls: it takes their next turn for a client that came back to another replica.

import { randomUUID } from 'node:crypto'
import type { Mailbox, OpenMailbox } from '../../mcp/mailbox.ts'
import { createArriving } from './arriving.ts'
import {
  partsOf,
  type Resume,
  readResponses,
  readToHolder,
  reasonOf,
  type ToHolder,
  type ToVisitor,
} from './handover-message.ts'
import type { HeldCalls } from './held-calls.ts'
import type { LegacyLimits } from './limits.ts'
import type { Ears } from './upstream-call.ts'

export interface Holder {
  /** Where the calls of this replica are continued, open to the others if that is possible. */
  address(): Promise<string>
  /** Whether the address is this one. */
  isHere(address: string): boolean
  close(): void
}

/** A client that is at another replica. */
interface Visit {
  readonly leaving: AbortController
  heardAt: number
}

/** After this many silent beats the other side is gone. */
const MISSED_BEATS = 4

export function createHolder(mailbox: Mailbox, calls: HeldCalls, { beatMs }: LegacyLimits): Holder {
  const own = `legacy-calls/${randomUUID()}`
  const visits = new Map<string, Visit>()
  const arriving = createArriving(MISSED_BEATS * beatMs)
  let opening: Promise<OpenMailbox> | null = null

  function receive(json: unknown): void {
    const message = readToHolder(json)
    if (message === null) return
    arriving.sweep()
    const visit = visits.get(message.from)
    if (visit !== undefined) visit.heardAt = performance.now()
    if (message.kind === 'left') {
      arriving.drop(message.from)
      visit?.leaving.abort()
    }
    if (visit !== undefined) return
    if (message.kind === 'part') takePart(message)
    if (message.kind === 'resume') void serve(message)
    if (message.kind === 'resume_parts') serveParts(message)
  }

  function takePart({ from, text }: Extract<ToHolder, { kind: 'part' }>): void {
    arriving.add(from, text)
    // There may be many of them, and whoever sends them has to know that somebody is there.
    mailbox.send(from, { kind: 'here' }).catch(() => arriving.drop(from))
  }

  function serveParts(message: Extract<ToHolder, { kind: 'resume_parts' }>): void {
    const { from } = message
    try {
      const responses = readResponses(arriving.take(from) ?? '')
      void serve({ ...message, kind: 'resume', responses })
    } catch {
      mailbox.send(from, { kind: 'failed', reason: 'lost' }).catch(() => undefined)
    }
  }

  async function serve(resume: Resume): Promise<void> {
    const { from } = resume
    const visit: Visit = { leaving: new AbortController(), heardAt: performance.now() }
    // In order: a part must not overtake another.
    let sent = Promise.resolve()
    const send = (message: ToVisitor) => {
      sent = sent.then(() => mailbox.send(from, message)).catch(() => visit.leaving.abort())
    }
    visits.set(from, visit)
    send({ kind: 'here' })
    const beat = setInterval(() => {
      if (performance.now() - visit.heardAt > MISSED_BEATS * beatMs) visit.leaving.abort()
      else send({ kind: 'here' })
    }, beatMs)
    try {
      const turn = await calls.resume(resume, earsOf(resume, visit.leaving.signal, send))
      for (const part of partsOf(turn)) send(part)
    } catch (error) {
      send({ kind: 'failed', reason: reasonOf(error) })
    } finally {
      clearInterval(beat)
      await sent
      visits.delete(from)
    }
  }

  return {
    async address() {
      opening ??= mailbox.open(own, receive)
      // Without it the client has to come back to this replica; the next call tries again.
      await opening.catch(() => {
        opening = null
      })
      return own
    },
    isHere: (address) => address === own,
    close() {
      for (const { leaving } of visits.values()) leaving.abort()
      opening?.then((open) => open.close()).catch(() => undefined)
    },
  }
}

function earsOf(
  { logLevel, progressToken }: Resume,
  signal: AbortSignal,
  send: (message: ToVisitor) => void,
): Ears {
  return {
    signal,
    logLevel,
    progressToken: progressToken ?? undefined,
    notify: ({ method, params }) => send({ kind: 'notify', method, params }),
  }
}
