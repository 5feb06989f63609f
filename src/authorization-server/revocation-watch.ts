// Owns the watch over the table of revocations: when and through which connection to look, and how certain that makes us.

import type { Database, OpenDatabase } from '../storage/database.ts'
import type { Revocation } from '../storage/revocation-changes.ts'
import { REVOCATIONS_CHANNEL } from '../storage/revocations.ts'
import { createLooks } from './revocation-looks.ts'

export interface WatchNeeds {
  readonly storage: Pick<OpenDatabase, 'db' | 'listen'>
  readonly limits: WatchLimits
  /** Milliseconds, never going back. */
  readonly clock: () => number
  /** Told what was seen; some of it again. */
  readonly learn: (revocations: readonly Revocation[]) => void
  /** Told when it becomes impossible to know what was revoked, and when it is possible again. */
  readonly onBlind: (error: unknown) => void
  readonly onSighted: () => void
}

export interface WatchLimits {
  /** How long what was seen is good enough. */
  readonly freshForMs: number
  /** How often to look, for a notification may be lost. */
  readonly beatMs: number
  /** How long one look may take. */
  readonly lookMs: number
  /** How many changes one look takes in. */
  readonly most: number
}

export interface Watch {
  /** Nothing that was committed longer than `freshForMs` ago is unknown. */
  isFresh(): boolean
  /** Of the last look that failed. */
  lastError(): unknown
  /** 0 while it is possible to look. */
  blindForMs(): number
  /** Looks; any number of calls share one look. Never rejects: ask `isFresh`. */
  catchUp(): Promise<void>
  close(): Promise<void>
}

const FIRST_LOOK_MS = 15_000

/**
 * Each look is the proof of its moment, and a notification only says when to look: a lost one costs a beat and nothing else.
 * Rejects when the first look fails.
 */
export async function startWatch(needs: WatchNeeds): Promise<Watch> {
  const { storage, limits, clock } = needs
  const { db } = storage
  const looks = createLooks(clock, limits.most)
  let freshUntil = Number.NEGATIVE_INFINITY
  let blindSince: number | null = null
  let lastError: unknown
  let running: Promise<void> | null = null
  let heard = false
  let closed = false

  const listener = await storage.listen(REVOCATIONS_CHANNEL, () => {
    heard = true
    freshUntil = Math.min(freshUntil, clock() + limits.freshForMs)
    void catchUp()
  })
  await look(db, FIRST_LOOK_MS).catch(async (error) => {
    await listener.close()
    throw error
  })
  // Where no notification can be lost, there is nothing to look for unless one came.
  const beat = setInterval(() => {
    if (freshUntil !== Number.POSITIVE_INFINITY) void catchUp()
  }, limits.beatMs).unref()

  function catchUp(): Promise<void> {
    running ??= lookWhileHeard().finally(() => {
      running = null
    })
    return running
  }

  async function lookWhileHeard(): Promise<void> {
    do {
      heard = false
      await lookSomewhere().then(sighted, blind)
    } while (heard && !closed)
  }

  /** The connection that listens has no other work to wait for; the pool is asked while that one is broken. */
  async function lookSomewhere(): Promise<void> {
    const own = listener.db()
    if (own === null || own === db) return look(db)
    await look(own).catch(() => {
      listener.reset()
      return look(db)
    })
  }

  async function look(source: Database, patienceMs = limits.lookMs): Promise<void> {
    const { revocations, asOf } = await looks.look(source, patienceMs)
    freshUntil = listener.lossy || heard ? asOf + limits.freshForMs : Number.POSITIVE_INFINITY
    needs.learn(revocations)
  }

  function sighted(): void {
    if (blindSince === null) return
    blindSince = null
    needs.onSighted()
  }

  function blind(error: unknown): void {
    lastError = error
    // One look that failed is no blindness yet.
    if (closed || blindSince !== null || clock() <= freshUntil) return
    blindSince = clock()
    needs.onBlind(error)
  }

  return {
    isFresh: () => clock() <= freshUntil,
    lastError: () => lastError,
    blindForMs: () => (blindSince === null ? 0 : clock() - blindSince),
    catchUp,
    async close() {
      closed = true
      clearInterval(beat)
      await listener.close()
    },
  }
}
