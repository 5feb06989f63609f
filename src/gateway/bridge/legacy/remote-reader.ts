// Owns the way of a turn's events from the replica that has it to the one that the client reads at.

import { z } from 'zod'
import { parseUnrounded } from '../../../mcp/exact-json.ts'
import type { Mailbox } from '../../../mcp/mailbox.ts'
import { isRecord, type Members } from '../../../mcp/rpc.ts'
import type { Reply } from '../reply.ts'
import type { Reader } from './turn.ts'

/** In pieces, because a message between replicas is smaller than an answer may be. */
const parcel = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('attached') }),
  /** There is nothing left to read. */
  z.object({ kind: z.literal('nothing') }),
  /** Nothing new, but somebody is there. */
  z.object({ kind: z.literal('alive') }),
  z.object({ kind: z.literal('piece'), id: z.string(), text: z.string(), last: z.boolean() }),
  z.object({ kind: z.literal('end') }),
])

type Parcel = z.infer<typeof parcel>

export interface RemoteReader extends Reader {
  attached(): void
  alive(): void
  nothing(): void
}

const PIECE_LENGTH = 256 * 1024
const MOST_WAITING = 256
const MOST_PIECES_LENGTH = 64 * 1024 * 1024
const FOUND_WITHIN_MS = 2_000
const SILENT_PULSES = 4

/** At the replica that has the turn. Sends one after the other, so that the order is kept. */
export function openRemoteReader(
  mailbox: Mailbox,
  address: string,
  { report, onEnd }: { report: (error: unknown) => void; onEnd: () => void },
): RemoteReader {
  let waiting = 0
  let behind = false
  let last: Promise<void> = Promise.resolve()
  function send(sent: Parcel): void {
    waiting++
    last = last
      .then(() => mailbox.send(address, sent))
      .catch(report)
      .finally(() => waiting--)
  }
  function end(): void {
    send({ kind: 'end' })
    onEnd()
  }

  return {
    event(message, id) {
      if (behind) return
      behind = waiting > MOST_WAITING
      // The client reads on from what it has.
      if (behind) return end()
      const text = JSON.stringify(message)
      for (let at = 0; at < text.length; at += PIECE_LENGTH) {
        const piece = text.slice(at, at + PIECE_LENGTH)
        send({ kind: 'piece', id, text: piece, last: at + PIECE_LENGTH >= text.length })
      }
    },
    end,
    attached: () => send({ kind: 'attached' }),
    alive: () => send({ kind: 'alive' }),
    nothing() {
      send({ kind: 'nothing' })
      onEnd()
    },
  }
}

export interface Elsewhere {
  readonly mailbox: Mailbox
  readonly address: string
  readonly reply: Reply
  readonly pulseMs: number
}

export type Reading =
  /** Everything was said. */
  | 'ended'
  | 'nothing'
  /** Nobody has it, or who had it is gone. */
  | 'lost'
  /** The client is gone. */
  | 'left'

/** At the replica where the client reads. Settles when there is nothing more to do here. */
export async function readElsewhere(
  { mailbox, address, reply, pulseMs }: Elsewhere,
  ask: () => Promise<void>,
): Promise<Reading> {
  const { promise, resolve } = Promise.withResolvers<Reading>()
  const read = assembler(reply)
  let patience = setTimeout(resolve, FOUND_WITHIN_MS, 'lost')
  const box = await mailbox.open(address, (message) => {
    const sent = parcel.safeParse(message)
    if (!sent.success) return
    clearTimeout(patience)
    patience = setTimeout(resolve, SILENT_PULSES * pulseMs, 'lost')
    const over = read(sent.data)
    if (over) resolve(over)
  })
  reply.signal.addEventListener('abort', () => resolve('left'))
  if (reply.isOver()) resolve('left')
  // Before anything that may follow it.
  await ask()
  const reading = await promise
  clearTimeout(patience)
  box.close()
  return reading
}

function assembler(reply: Reply): (sent: Parcel) => Reading | null {
  let pieces = ''
  return (sent) => {
    switch (sent.kind) {
      case 'attached':
        reply.beginEvents()
        return null
      case 'alive':
        return null
      case 'nothing':
        return 'nothing'
      case 'end':
        reply.beginEvents()
        reply.endEvents()
        return 'ended'
      case 'piece':
        pieces += sent.text
        if (pieces.length > MOST_PIECES_LENGTH) return 'lost'
        if (!sent.last) return null
        reply.event(messageIn(pieces), sent.id)
        pieces = ''
        return null
    }
  }
}

function messageIn(text: string): Members {
  const message = parseUnrounded(text)
  return isRecord(message) ? message : {}
}
