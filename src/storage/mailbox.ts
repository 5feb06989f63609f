// Owns the mailbox of a replica: what is sent to an address that it has open arrives, also while its connections break.
import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenDatabase } from './database.ts'
import type { Listener } from './listener.ts'
import {
  addressHash,
  type Envelope,
  envelopes,
  type Letter,
  lastId,
  letters,
  MAIL_CHANNEL,
  post,
  readNotice,
} from './mail.ts'
import { createReceipts } from './mail-receipts.ts'
import type { Keyring } from './sealing.ts'
import type { Database } from './tables.ts'

export interface MailboxNeeds {
  readonly storage: Pick<OpenDatabase, 'db' | 'listen'>
  readonly keyring: Pick<Keyring, 'seal' | 'open'>
  /** A look that failed, or what a receiver throws, for the log. */
  readonly report: (error: unknown) => void
  /** Of the JSON of a message. */
  readonly parse?: (text: string) => unknown
  /** Between two looks for what was not announced, or whose announcement was lost. Milliseconds. */
  readonly beatMs?: number
}

/** See mcp/mailbox.ts, whose promises it keeps. */
export interface SharedMailbox {
  open(address: string, receive: (message: unknown) => void): Promise<{ close(): void }>
  send(address: string, message: unknown): Promise<void>
  close(): Promise<void>
}

interface Box {
  readonly address: string
  /** Of the last letter before it was opened. */
  readonly after: number
  readonly receive: (message: unknown) => void
}

const BEAT_MS = 1_000
/** The listening connection answers within this time, or it is not there any more. */
const PATIENCE_MS = 2_000
/** Of letters at once: they may be large. */
const BATCH = 16
const LISTENING_MS = 10
const MAX_BYTES = 1024 * 1024
const PURPOSE = 'mail'

/** Rejects when the database cannot be listened to. */
export async function openMailbox(needs: MailboxNeeds): Promise<SharedMailbox> {
  const { storage, keyring, report, parse = JSON.parse, beatMs = BEAT_MS } = needs
  const boxes = new Map<string, Set<Box>>()
  const receipts = createReceipts()
  const waiting = new Map<number, Envelope>()
  let fetching = false
  let looking = false
  let closed = false

  const listener: Listener = await storage.listen(MAIL_CHANNEL, (notice) => {
    const envelope = readNotice(notice)
    if (envelope) expect([envelope])
  })
  // A notification only says when to look: one that is lost costs a beat.
  const beat = setInterval(() => void look(), beatMs).unref()
  await untilHeard(listener)

  function expect(found: readonly Envelope[]): void {
    for (const envelope of found) {
      if (boxes.has(envelope.address) && !receipts.has(envelope.id)) waiting.set(envelope.id, envelope)
    }
    if (waiting.size > 0 && !fetching) void fetchAll()
  }

  /** One batch after the other, so that what was sent later is not there before. */
  async function fetchAll(): Promise<void> {
    fetching = true
    while (waiting.size > 0 && !closed) {
      const ids = [...waiting.keys()].sort((one, other) => one - other).slice(0, BATCH)
      // What fails is found again by the next look.
      await fetchBatch(ids).catch(failed)
      for (const id of ids) waiting.delete(id)
    }
    fetching = false
  }

  async function fetchBatch(ids: readonly number[]): Promise<void> {
    for (const letter of await letters(storage.db, ids)) deliver(letter)
  }

  function failed(error: unknown): void {
    if (!closed) report(error)
  }

  function deliver({ id, address, sealed }: Letter): void {
    if (!receipts.add(id)) return
    for (const box of boxes.get(address) ?? []) {
      if (id <= box.after) continue
      const text = keyring.open(PURPOSE, sealed, box.address)
      try {
        if (text === null) throw new Error('a message was sealed under a key that is not here')
        box.receive(parse(text.toString()))
      } catch (error) {
        report(error)
      }
    }
  }

  async function look(): Promise<void> {
    if (looking) return
    // Which also opens it again when it broke.
    if (boxes.size === 0) return void listener.db()
    looking = true
    try {
      const began = performance.now()
      expect(await findEnvelopes([...boxes.keys()]))
      receipts.looked(began)
    } catch (error) {
      failed(error)
    } finally {
      looking = false
    }
  }

  /** Through the connection that listens, which proves that it does; through another one while it does not. */
  async function findEnvelopes(addresses: readonly string[]): Promise<readonly Envelope[]> {
    const find = (db: Database) => envelopes(db, addresses, receipts.after())
    const own = listener.db()
    if (own === null || own === storage.db) return find(storage.db)
    return within(PATIENCE_MS, find(own)).catch(() => {
      listener.reset()
      return find(storage.db)
    })
  }

  function remove(key: string, box: Box): void {
    const others = boxes.get(key)
    others?.delete(box)
    if (others?.size === 0) boxes.delete(key)
  }

  return {
    async open(address, receive) {
      const key = addressHash(address)
      const box = { address, after: await lastId(storage.db), receive }
      const others = boxes.get(key) ?? new Set()
      boxes.set(key, others.add(box))
      // What was announced between the two.
      void look()
      return { close: () => remove(key, box) }
    },
    async send(address, message) {
      const text = JSON.stringify(message)
      if (Buffer.byteLength(text) > MAX_BYTES) throw new Error('a message between replicas is too large')
      await post(storage.db, addressHash(address), keyring.seal(PURPOSE, text, address))
    },
    async close() {
      closed = true
      clearInterval(beat)
      boxes.clear()
      await listener.close()
    },
  }
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('the listening connection is silent')), milliseconds)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}

/** It opens itself as soon as somebody asks for it. When it does not come in time, looking finds what is there. */
async function untilHeard(listener: Listener): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (listener.db() === null && performance.now() < deadline) await sleep(LISTENING_MS)
}
