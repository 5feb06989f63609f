// Owns the turns of the targets: while one is measured the others stand still, or their collectors would run on its core.

import { setTimeout as delay } from 'node:timers/promises'
import type { Target } from './target.ts'

/** After it has stood still, a process does first what it would have done meanwhile. */
const WAKING_MS = 200

/** All of them go on afterwards. */
export async function inTurn<T>(
  targets: readonly Target[],
  target: Target,
  measure: () => Promise<T>,
): Promise<T> {
  const others = targets.filter((other) => other !== target).flatMap(({ pids }) => pids)
  signal(others, 'SIGSTOP')
  try {
    await delay(WAKING_MS)
    return await measure()
  } finally {
    signal(others, 'SIGCONT')
  }
}

function signal(pids: readonly number[], name: 'SIGSTOP' | 'SIGCONT'): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch (error) {
      // Some of nginx's processes have soon done what they were for.
      if (!isGone(error)) throw error
    }
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ESRCH'
}
