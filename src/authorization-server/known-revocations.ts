// Owns the revocations that this process knows: what they say about a token, and that memory has room for so many alone.

import type { Caller } from '../oauth/caller.ts'
import type { Revocation } from '../storage/revocation-changes.ts'
import { type RevocationKind, SLACK_SECONDS } from '../storage/revocations.ts'

/** What a token says about itself that revoking can be about. */
export type Subject = Pick<Caller, 'grantId' | 'subject' | 'clientId' | 'issuedAt'>

export interface KnownRevocations {
  add(revocations: readonly Revocation[]): void
  /** Changes nothing that is known of the grant. */
  note(grantId: string, seconds: number): void
  /** Null: what is known is not enough, because there was more of it than is kept. */
  isRevoked(token: Subject): boolean | null
  /** Lets go of those that have expired. */
  prune(): void
  size(): number
}

interface Known {
  readonly issuedUntil: number
  readonly revokedAt: number
  /** By the given clock. */
  readonly expiresAtMs: number
}

type Kinds = Readonly<Record<RevocationKind, Map<string, Known>>>

/** About 150 bytes each. */
export const MOST_REVOCATIONS = 100_000

/** `clock`: milliseconds, never going back. */
export function createKnownRevocations(
  clock: () => number,
  most: number = MOST_REVOCATIONS,
): KnownRevocations {
  const kinds: Kinds = { grant: new Map(), account: new Map(), client: new Map(), all: new Map() }
  // Tokens that were issued up to then may be the subject of something that is not here (seconds since the epoch).
  let incompleteUntil = Number.NEGATIVE_INFINITY

  function add(revocations: readonly Revocation[]): void {
    const now = clock()
    // The newest come first; a map lets go of its first.
    for (const { kind, subject, issuedUntil, revokedAt, secondsLeft } of revocations.toReversed()) {
      kinds[kind].delete(subject)
      kinds[kind].set(subject, {
        issuedUntil: issuedUntil ?? Number.POSITIVE_INFINITY,
        revokedAt,
        expiresAtMs: now + secondsLeft * 1000,
      })
    }
    if (revocations.length >= most) forget(revocations.at(-1)?.revokedAt ?? 0)
    for (const [grantId, { revokedAt }] of kinds.grant) {
      if (kinds.grant.size <= most) break
      kinds.grant.delete(grantId)
      forget(revokedAt)
    }
  }

  function forget(revokedAt: number): void {
    incompleteUntil = Math.max(incompleteUntil, revokedAt + SLACK_SECONDS)
  }

  function refuses(known: Known | undefined, issuedAt: number): boolean {
    return known !== undefined && issuedAt <= known.issuedUntil && clock() < known.expiresAtMs
  }

  return {
    add,
    note(grantId, seconds) {
      if (kinds.grant.has(grantId)) return
      const revokedAt = Date.now() / 1000
      add([{ kind: 'grant', subject: grantId, issuedUntil: null, revokedAt, secondsLeft: seconds }])
    },
    isRevoked({ grantId, subject, clientId, issuedAt }) {
      if (grantId !== null && refuses(kinds.grant.get(grantId), issuedAt)) return true
      if (refuses(kinds.account.get(subject), issuedAt)) return true
      if (refuses(kinds.client.get(clientId), issuedAt)) return true
      if (refuses(kinds.all.get(''), issuedAt)) return true
      return issuedAt <= incompleteUntil ? null : false
    },
    prune() {
      const now = clock()
      for (const known of Object.values(kinds))
        for (const [subject, { expiresAtMs }] of known) if (expiresAtMs <= now) known.delete(subject)
    },
    size: () => Object.values(kinds).reduce((sum, { size }) => sum + size, 0),
  }
}
