// Owns what has to be remembered of a bridged legacy session beside its handle, as the gateway asks for it.

/** As the handle says it. */
export interface SessionKey {
  readonly id: string
  /** The person and the client, who have only so many of which something is remembered. */
  readonly owner: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

export interface SessionState {
  /** What `logging/setLevel` said last. */
  readonly logLevel: string | null
  /** The URIs of `resources/subscribe`. */
  readonly subscriptions: readonly string[]
  /** Deleted, or forgotten to make room: nobody has it any more. */
  readonly ended: boolean
}

export type SessionChange =
  | { readonly kind: 'level'; readonly level: string }
  | { readonly kind: 'subscribe' | 'unsubscribe'; readonly uri: string }
  | { readonly kind: 'end' }

export interface SessionStore {
  /** Null when nothing was ever said that is worth a row. */
  load(session: SessionKey): Promise<SessionState | null>
  /**
   * Concurrent changes all happen, one after the other. Null when it cannot be: the session has ended, or has as many
   * subscriptions as it may have.
   */
  change(session: SessionKey, change: SessionChange): Promise<SessionState | null>
}

/** Within one process, and as long as that lasts: where there is no database behind the gateway. */
export function createLocalSessionStore(): SessionStore {
  const states = new Map<string, SessionState>()
  return {
    load: async ({ id }) => states.get(id) ?? null,
    async change({ id }, change) {
      const next = changed(states.get(id) ?? NEW_SESSION, change)
      if (next !== null) states.set(id, next)
      const [oldest] = states.keys()
      if (states.size > MOST_SESSIONS && oldest !== undefined) states.delete(oldest)
      return next
    },
  }
}

function changed(state: SessionState, change: SessionChange): SessionState | null {
  if (state.ended) return null
  switch (change.kind) {
    case 'level':
      return { ...state, logLevel: change.level }
    case 'end':
      return { ...state, subscriptions: [], ended: true }
    default: {
      const others = state.subscriptions.filter((uri) => uri !== change.uri)
      if (change.kind === 'unsubscribe') return { ...state, subscriptions: others }
      return others.length < MOST_SUBSCRIPTIONS ? { ...state, subscriptions: [...others, change.uri] } : null
    }
  }
}

const MOST_SESSIONS = 10_000
/** Each is asked of the upstream whenever the client listens. */
export const MOST_SUBSCRIPTIONS = 256
export const NEW_SESSION: SessionState = { logLevel: null, subscriptions: [], ended: false }
