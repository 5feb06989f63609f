// Owns the answer to whether somebody's access was revoked, at this replica or at any other: from memory, or from the database.

import { findAbout, type Revocation } from '../storage/revocation-changes.ts'
import { createKnownRevocations, MOST_REVOCATIONS, type Subject } from './known-revocations.ts'
import { startWatch, type WatchLimits, type WatchNeeds } from './revocation-watch.ts'
import { within } from './within.ts'

export interface RevocationListNeeds extends Pick<WatchNeeds, 'storage' | 'onBlind' | 'onSighted'> {
  readonly limits?: Partial<RevocationLimits>
}

export interface RevocationLimits extends WatchLimits {
  /** How long a request waits for an answer. */
  readonly askMs: number
  /** How long what is under way goes on while nobody can tell: as long as a database may take to be restarted or replaced. */
  readonly blindMs: number
}

export interface RevocationList {
  /** At once, without a promise, while the answer is certain. Rejects when the database cannot tell either. */
  isRevoked(token: Subject): boolean | Promise<boolean>
  /** Whether what the caller has under way must end. */
  hasEnded(token: Subject): boolean
  /** `listener` is called when it is worth asking `hasEnded` again. */
  onChange(listener: () => void): void
  /** A grant that this process is revoking is refused by it before its transaction commits. */
  note(grantId: string): void
  close(): Promise<void>
}

/** Together they make that a revocation is refused everywhere within a second. */
const DEFAULT_LIMITS: RevocationLimits = {
  freshForMs: 800,
  beatMs: 250,
  lookMs: 350,
  askMs: 2_000,
  blindMs: 30_000,
  most: MOST_REVOCATIONS,
}

/** Until the database says so too. Should the transaction fail after all, the grant is back after it. */
const NOTED_SECONDS = 10
const PRUNE_MS = 60_000

/** Rejects when the database cannot be read. */
export async function createRevocationList(needs: RevocationListNeeds): Promise<RevocationList> {
  const limits = { ...DEFAULT_LIMITS, ...needs.limits }
  const clock = () => performance.now()
  const known = createKnownRevocations(clock, limits.most)
  const listeners: (() => void)[] = []

  const tell = () => {
    for (const listener of listeners) listener()
  }
  const learn = (revocations: readonly Revocation[]) => {
    known.add(revocations)
    if (revocations.length > 0) tell()
  }
  const watch = await startWatch({ ...needs, limits, clock, learn })
  const pruning = setInterval(known.prune, PRUNE_MS).unref()

  async function ask(token: Subject): Promise<boolean> {
    if (!watch.isFresh()) await within(limits.askMs, watch.catchUp())
    if (!watch.isFresh()) throw new Error('it is not certain what was revoked', { cause: watch.lastError() })
    return known.isRevoked(token) ?? (await askAbout(token))
  }

  async function askAbout(token: Subject): Promise<boolean> {
    const about = createKnownRevocations(clock)
    about.add(await within(limits.askMs, findAbout(needs.storage.db, token)))
    return about.isRevoked(token) === true
  }

  return {
    isRevoked: (token) => (watch.isFresh() ? known.isRevoked(token) : null) ?? ask(token),
    hasEnded: (token) => known.isRevoked(token) === true || watch.blindForMs() > limits.blindMs,
    onChange: (listener) => void listeners.push(listener),
    note(grantId) {
      known.note(grantId, NOTED_SECONDS)
      tell()
    },
    async close() {
      clearInterval(pruning)
      await watch.close()
    },
  }
}
