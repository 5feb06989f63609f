// Owns the end of a process group: everything that a program has started, first asked and then made to.

import { setTimeout as wait } from 'node:timers/promises'

export interface Patience {
  /** Between the end of its input and SIGTERM. */
  readonly politeMs: number
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number
}

const LOOK_MS = 20
/** A process that was killed is gone at once; what stays in the table waits for somebody to collect it. */
const KILLED_MS = 200

/** Resolves when no process of the group is left, or nothing more can be done about it. Never rejects. */
export async function endGroup(leader: number, { politeMs, graceMs }: Patience): Promise<void> {
  if (await isGone(leader, politeMs)) return
  signal(leader, 'SIGTERM')
  if (await isGone(leader, graceMs)) return
  signal(leader, 'SIGKILL')
  await isGone(leader, KILLED_MS)
}

/** At once, when there is no time to wait. */
export function killGroup(leader: number): void {
  signal(leader, 'SIGKILL')
}

async function isGone(leader: number, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs
  while (signal(leader, 0)) {
    if (performance.now() >= until) return false
    await wait(LOOK_MS)
  }
  return true
}

/** POSIX kill(2): a negative number is the group that this process leads. False when nobody is there. */
function signal(leader: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-leader, name)
  } catch (error) {
    // EPERM: it is there, and is somebody else's.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}
