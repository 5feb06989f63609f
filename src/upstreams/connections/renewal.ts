// Owns the renewal of connections: before they run out, and once for all calls and replicas that need it.

import { setTimeout } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { Database } from '../../storage/database.ts'
import type { Keyring } from '../../storage/sealing.ts'
import * as renewals from '../../storage/upstream-connection-renewal.ts'
import type * as rows from '../../storage/upstream-connection-row.ts'
import * as stored from '../../storage/upstream-connections.ts'
import { LoginEnded, LoginRefused, OAuthFailure } from '../oauth/failure.ts'

export interface RenewalNeeds {
  readonly db: Database
  readonly keyring: Keyring
  /** What ended, or could not be renewed, and why; no secret is in it. */
  readonly onOutcome: (outcome: RenewalOutcome) => void
  /** Shorter ones, for tests; see LEASE_SECONDS. */
  readonly leaseSeconds?: number | undefined
}

export interface RenewalOutcome extends rows.ConnectionKey {
  readonly outcome: 'renewed' | 'ended' | 'failed'
  readonly why: string | null
}

/**
 * What takes the place of what a connection holds. Rejects with LoginEnded when nothing can but a new login, with LoginRefused
 * when nothing can as long as everything is configured as it is, with anything else when later something may.
 */
export type Again = (connection: rows.StoredConnection) => Promise<rows.NewSecret>

export interface Renewal {
  /**
   * The connection as it is after renewing this version of it, whoever does that: of any number of calls, on whichever
   * replica, one asks the upstream's server. Null when there is none any more. Rejects when it does not work at the moment.
   */
  renew(connection: rows.StoredConnection, again: Again): Promise<rows.StoredConnection | null>
}

/** Longer than the one request and storing its answer may take, so that a holder that lives is never overtaken. */
const LEASE_SECONDS = 25
const LOOK_AGAIN_MS = 100
/** Longer than the lease: whoever waits for a holder that is gone goes on in its place. */
const PATIENCE_MS = 30_000
/** After a failure: a server that is out is not asked by every call, and no call with a good token waits for it. */
const PAUSE_MS = 2_000
const MOST_PAUSES = 5000

export function createRenewal(needs: RenewalNeeds): Renewal {
  const { db, keyring, onOutcome, leaseSeconds = LEASE_SECONDS } = needs
  const running = new Map<string, Promise<rows.StoredConnection | null>>()
  const failures = new LRUCache<string, { readonly error: unknown }>({ max: MOST_PAUSES, ttl: PAUSE_MS })

  async function renewOnce(
    connection: rows.StoredConnection,
    again: Again,
  ): Promise<rows.StoredConnection | null> {
    const failed = failures.get(nameOf(connection))
    if (failed) throw failed.error
    const lease = await renewals.lease(db, connection, leaseSeconds)
    return lease === null ? awaitOther(connection, again) : renewLeased(connection, again, lease)
  }

  async function renewLeased(
    connection: rows.StoredConnection,
    again: Again,
    lease: string,
  ): Promise<rows.StoredConnection | null> {
    try {
      const next = await again(connection)
      // Before anything else is done with it: the one before it may be worth nothing already.
      await storeInsistently(() => renewals.renewed(db, keyring, connection, next))
      onOutcome({ ...keyOf(connection), outcome: 'renewed', why: null })
    } catch (error) {
      const why = error instanceof Error ? error.message : null
      if (!(error instanceof LoginEnded)) {
        failures.set(nameOf(connection), { error })
        await giveUp(connection, lease, error)
        onOutcome({ ...keyOf(connection), outcome: 'failed', why })
        throw error
      }
      await renewals.expire(db, connection, error.message)
      onOutcome({ ...keyOf(connection), outcome: 'ended', why })
    }
    return stored.find(db, keyring, connection)
  }

  /** What may still be good is kept. */
  async function giveUp(connection: rows.StoredConnection, lease: string, error: unknown): Promise<void> {
    const why = error instanceof OAuthFailure ? error.message : null
    if (connection.secret !== null && !(error instanceof LoginRefused))
      return renewals.release(db, connection, lease, why)
    await renewals.fail(db, connection, lease, why)
  }

  async function awaitOther(
    connection: rows.StoredConnection,
    again: Again,
  ): Promise<rows.StoredConnection | null> {
    const until = Date.now() + PATIENCE_MS
    while (Date.now() < until) {
      await setTimeout(LOOK_AGAIN_MS, undefined, { ref: false })
      const now = await stored.find(db, keyring, connection)
      if (now === null || now.version !== connection.version) return now
      // Its holder gave up, or is gone.
      if (!now.leased) return renewOnce(now, again)
    }
    throw new Error('Renewing takes too long.')
  }

  return {
    renew(connection, again) {
      const key = nameOf(connection)
      const known = running.get(key)
      if (known) return known
      const renewing = renewOnce(connection, again).finally(() => running.delete(key))
      running.set(key, renewing)
      return renewing
    },
  }
}

const TRIES = 5
const FIRST_PAUSE_MS = 50

/** A new refresh token that is lost logs a person out, so a database that is away for a moment does not lose it. */
async function storeInsistently(store: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await store()
      return
    } catch (error) {
      if (attempt === TRIES) throw error
      await setTimeout(FIRST_PAUSE_MS * 4 ** (attempt - 1))
    }
  }
}

/** Of this version of it. */
function nameOf({ owner, upstream, version }: rows.StoredConnection): string {
  return JSON.stringify([owner, upstream, version])
}

function keyOf({ owner, upstream }: rows.ConnectionKey): rows.ConnectionKey {
  return { owner, upstream }
}
