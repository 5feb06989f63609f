// Owns what this replica knows of the sessions' states, so that a session in use costs no look-up per request.

import {
  NEW_SESSION,
  type SessionChange,
  type SessionKey,
  type SessionState,
  type SessionStore,
} from './session-store.ts'

export interface SessionStates {
  /** Nothing is stored of a session that was made just now. */
  begin(id: string): void
  of(session: SessionKey): SessionState | Promise<SessionState>
  /** Null when it cannot be; see the store. */
  change(session: SessionKey, change: SessionChange): Promise<SessionState | null>
  /** Another replica changed it. */
  forget(id: string): void
}

interface Known {
  readonly state: SessionState
  readonly since: number
}

const MAX_KNOWN = 10_000
/** Replicas tell each other of changes. Should such a word be lost, it is made up for after this time. */
const FRESH_MS = 60_000

export function createSessionStates(store: SessionStore, clock: () => number): SessionStates {
  /** The longest unused first. */
  const known = new Map<string, Known>()
  const loading = new Map<string, Promise<SessionState>>()

  function keep(id: string, state: SessionState): SessionState {
    known.delete(id)
    known.set(id, { state, since: clock() })
    const [oldest] = known.keys()
    if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest)
    return state
  }

  function load(session: SessionKey): Promise<SessionState> {
    const { id } = session
    const pending = loading.get(id)
    if (pending) return pending
    const promise: Promise<SessionState> = store
      .load(session)
      .then((stored) => {
        const state = stored ?? NEW_SESSION
        // What was read before somebody changed it is not kept.
        return loading.get(id) === promise ? keep(id, state) : state
      })
      .catch((error: unknown) => useOld(id, error))
      .finally(() => loading.get(id) === promise && loading.delete(id))
    loading.set(id, promise)
    return promise
  }

  /** While the database is away, what was last known is better than nothing. */
  function useOld(id: string, error: unknown): SessionState {
    const old = known.get(id)
    if (!old) throw error
    return old.state
  }

  function forget(id: string): void {
    known.delete(id)
    loading.delete(id)
  }

  return {
    begin: (id) => void keep(id, NEW_SESSION),
    of(session) {
      const found = known.get(session.id)
      return found && clock() - found.since < FRESH_MS ? found.state : load(session)
    },
    async change(session, change) {
      const state = await store.change(session, change)
      // Not kept: another change may have come after it.
      forget(session.id)
      return state
    },
    forget,
  }
}
