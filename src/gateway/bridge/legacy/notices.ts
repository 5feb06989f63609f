// Owns what the replicas tell each other about legacy sessions, and what they ask: one address that all of them have open.

import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Mailbox, OpenMailbox } from '../../../mcp/mailbox.ts'

const id = z.string()
const members = z.record(z.string(), z.unknown())
const told = z.union([z.object({ result: members }), z.object({ error: members })])

const notice = z.discriminatedUnion('kind', [
  /** What is stored of the session is not what it was. Whoever has its stream says `heard` at `reply` when it follows. */
  z.object({ kind: z.literal('changed'), session: id, reply: id.optional() }),
  z.object({ kind: z.literal('ended'), session: id }),
  z.object({ kind: z.literal('cancelled'), session: id, request: z.union([z.string(), z.number()]) }),
  /** Its stream is open at `by` now: there is one at a time. */
  z.object({ kind: z.literal('listening'), session: id, by: id }),
  /** What the client says to a question of this turn. Whoever has it says `taken` at `reply`. */
  z.object({ kind: z.literal('told'), session: id, turn: id, question: id, told, reply: id }),
  /** The client reads on at another replica: whoever has the turn tells `reply` everything after this event. */
  z.object({ kind: z.literal('attach'), session: id, turn: id, after: z.number(), reply: id }),
  z.object({ kind: z.literal('detach'), session: id, turn: id, reply: id }),
])

export type Notice = z.infer<typeof notice>

export interface Notices {
  /** Resolves when nothing that is told from now on is missed. Begins to listen when it is called first; never rejects. */
  ready(): Promise<void>
  /** Resolves when it is on its way; never rejects. */
  tell(notice: Notice): Promise<void>
  /** At an address of our own, which `ask` is told; the first message there, or null when none came in time. */
  ask(ask: (reply: string) => Notice, withinMs: number): Promise<unknown>
  close(): Promise<void>
}

export interface NoticesNeeds {
  readonly mailbox: Mailbox
  readonly report: (error: unknown) => void
}

const ADDRESS = 'legacy-sessions'

/** `hear` is told what is said, by ourselves too. */
export function createNotices({ mailbox, report }: NoticesNeeds, hear: (notice: Notice) => void): Notices {
  let opening: Promise<OpenMailbox | null> | null = null

  function open(): Promise<OpenMailbox | null> {
    const opened = mailbox.open(ADDRESS, (message) => {
      // A replica of another release may say more than is known here.
      const read = notice.safeParse(message)
      if (read.success) hear(read.data)
    })
    return opened.catch((error: unknown) => {
      // Until then changes at other replicas are seen late; the next who asks tries again.
      opening = null
      report(error)
      return null
    })
  }

  async function tell(told: Notice): Promise<void> {
    await mailbox.send(ADDRESS, told).catch(report)
  }

  return {
    async ready() {
      opening ??= open()
      await opening
    },
    tell,
    async ask(ask, withinMs) {
      const reply = newAddress()
      const { promise, resolve } = Promise.withResolvers<unknown>()
      const box = await mailbox.open(reply, resolve)
      const patience = setTimeout(() => resolve(null), withinMs)
      try {
        await tell(ask(reply))
        return await promise
      } finally {
        clearTimeout(patience)
        box.close()
      }
    },
    async close() {
      const box = await opening
      box?.close()
    },
  }
}

/** Of one replica alone. */
export function newAddress(): string {
  return `legacy-${randomBytes(16).toString('base64url')}`
}
