// Owns what the gateway has to be told about revocations: a signature does not know what happened after it was made.

import type { Caller } from '../oauth/caller.ts'

export interface Revocations {
  /**
   * Whether the caller's access was revoked. At once while the answer is certain. Otherwise whoever knows is asked, and a
   * promise that rejects means that nobody can tell: then nothing may pass.
   */
  isRevoked(caller: Caller): boolean | Promise<boolean>
  /** Whether what the caller has under way must end: its access was revoked, or nobody has been able to tell for a while. */
  hasEnded(caller: Caller): boolean
  /** `listener` is called when it is worth asking `hasEnded` again. */
  onChange(listener: () => void): void
}
