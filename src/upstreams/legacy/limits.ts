// Owns how much is kept open at a legacy upstream, and for how long.

export interface LegacyLimits {
  /** Without a call and without anybody who listens. */
  readonly idleMs: number
  readonly maxSessions: number
  readonly maxSessionsPerPerson: number
  /** A call that waits for the client to come back with what its upstream asked for. */
  readonly heldMs: number
  readonly maxHeld: number
  readonly maxHeldPerPerson: number
  /** A call that another replica holds: until it has to say that it is there. */
  readonly takenMs: number
  /** How often both sides of such a call say that they are still there. */
  readonly beatMs: number
}

const SECOND = 1000
const MINUTE = 60 * SECOND

export const DEFAULT_LEGACY_LIMITS: LegacyLimits = {
  idleMs: 2 * MINUTE,
  maxSessions: 2000,
  maxSessionsPerPerson: 32,
  heldMs: 10 * MINUTE,
  maxHeld: 1000,
  maxHeldPerPerson: 32,
  takenMs: 5 * SECOND,
  beatMs: 5 * SECOND,
}
