// Owns the sessions at one legacy upstream: one for each person's client with its capabilities, as long as it is used.

import { createHash } from 'node:crypto'
import { PeerFailure, type Visitor } from '../../mcp/peer.ts'
import type { Caller } from '../../oauth/caller.ts'
import type { Credential, CredentialFor } from '../credentials.ts'
import type { Upstream } from '../registry.ts'
import type { OpenChannel } from './channel.ts'
import type { LegacyLimits } from './limits.ts'
import { openSession, type Session } from './session.ts'
import { unlessAborted } from './within.ts'

export interface PoolNeeds {
  readonly upstream: Upstream
  readonly open: OpenChannel
  readonly credentialFor: CredentialFor
  readonly limits: LegacyLimits
}

/** A session that stays open until it is released. */
export interface Lease {
  readonly session: Session
  release(): void
}

export interface Pool {
  /** This visitor's session: the one that is open, or a new one. Rejects with a `PeerFailure`, or the signal's reason. */
  lease(visitor: Visitor, signal: AbortSignal): Promise<Lease>
  size(): number
  close(): Promise<void>
}

interface Entry {
  readonly key: string
  readonly person: string
  readonly opening: Promise<Session>
  /** Null while it is opened. */
  session: Session | null
  /** Who used it last: the credentials are theirs, whose token may be newer than that of who opened it. */
  caller: Caller
  /** Since the last look at it, or null. */
  idleSince: number | null
}

export function createPool({ upstream, open, credentialFor, limits }: PoolNeeds): Pool {
  const current = new Map<string, Entry>()
  /** Those that nothing new is begun in, and the ones above. */
  const all = new Set<Entry>()
  const closing = new AbortController()
  let sweeping: NodeJS.Timeout | null = null

  async function lease(visitor: Visitor, signal: AbortSignal): Promise<Lease> {
    const session = await find(visitor, signal)
    // It may have made room for another one at this very moment.
    const lasting = session.isOver() ? await find(visitor, signal) : session
    return { session: lasting, release: lasting.use() }
  }

  async function find(visitor: Visitor, signal: AbortSignal): Promise<Session> {
    closing.signal.throwIfAborted()
    const entry = usable(keyOf(visitor)) ?? openFor(visitor)
    entry.caller = visitor.caller
    entry.idleSince = null
    return unlessAborted(signal, entry.opening)
  }

  function usable(key: string): Entry | null {
    const entry = current.get(key)
    if (entry === undefined) return null
    if (!entry.session?.isOver()) return entry
    current.delete(key)
    return null
  }

  function openFor(visitor: Visitor): Entry {
    const { caller } = visitor
    makeRoom(caller.subject)
    const credential = async (): Promise<Credential> => credentialFor(entry.caller, upstream)
    // Not at once: a channel may ask for the credential before anything else, and there is no entry yet.
    const opening = Promise.resolve().then(() =>
      openSession(open, { upstream, credential, signal: closing.signal }, visitor),
    )
    const key = keyOf(visitor)
    const entry: Entry = { key, person: caller.subject, opening, session: null, caller, idleSince: null }
    current.set(key, entry)
    all.add(entry)
    sweeping ??= setInterval(sweep, Math.max(1, limits.idleMs / 4)).unref()
    opening.then(
      (session) => {
        entry.session = session
      },
      () => forget(entry),
    )
    return entry
  }

  /** Whoever has been idle makes room; who is in use does not. */
  function makeRoom(person: string): void {
    const own = [...all].filter((entry) => entry.person === person)
    const crowd = own.length >= limits.maxSessionsPerPerson ? own : [...all]
    const most = crowd === own ? limits.maxSessionsPerPerson : limits.maxSessions
    if (crowd.length < most) return
    const idle = crowd.find(({ session }) => session?.isIdle())
    if (idle === undefined) throw new PeerFailure('busy')
    discard(idle)
  }

  function sweep(): void {
    const now = performance.now()
    for (const entry of all) {
      if (!entry.session?.isIdle()) entry.idleSince = null
      else if (entry.session.isOver()) discard(entry)
      else if (entry.idleSince === null) entry.idleSince = now
      else if (now - entry.idleSince >= limits.idleMs) discard(entry)
    }
  }

  function discard(entry: Entry): void {
    forget(entry)
    void entry.session?.close()
  }

  function forget(entry: Entry): void {
    all.delete(entry)
    if (current.get(entry.key) === entry) current.delete(entry.key)
    if (all.size > 0 || sweeping === null) return
    clearInterval(sweeping)
    sweeping = null
  }

  return {
    lease,
    size: () => all.size,
    async close() {
      closing.abort(new PeerFailure('lost'))
      const open = [...all]
      for (const entry of open) forget(entry)
      await Promise.all(open.map(({ opening }) => opening.then((session) => session.close()).catch(ignore)))
    },
  }
}

function ignore(): void {
  // It never came to a session.
}

/** Nothing of one person's is ever used for another: whatever makes a difference is part of the key. */
function keyOf({ caller, capabilities, clientInfo }: Visitor): string {
  const client = createHash('sha256')
    .update(JSON.stringify([capabilities, clientInfo]))
    .digest('base64url')
  return JSON.stringify([caller.subject, caller.clientId, client])
}
