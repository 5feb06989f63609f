// Owns how much a legacy upstream logs for one session: in the modern era each request says so for itself.

import { saysMore } from '../../mcp/log-level.ts'
import type { Members } from '../../mcp/rpc.ts'
import type { Answer } from './message.ts'

export interface LogWishes {
  /** Before a call: from this level on, or not at all. */
  want(level: string | null): Promise<void>
}

/** Each call gets the messages from its own level on; the upstream says as much as the call that wants most. */
export function createLogWishes(
  ask: (method: string, params: Members) => Promise<Answer>,
  hasCalls: () => boolean,
): LogWishes {
  let current: string | null = null
  return {
    async want(level: string | null): Promise<void> {
      if (level === null || level === current) return
      if (current !== null && hasCalls() && !saysMore(level, current)) return
      current = level
      await ask('logging/setLevel', { level })
    },
  }
}
