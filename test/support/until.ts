// Owns waiting in tests for what happens in the background.

import { setTimeout as sleep } from 'node:timers/promises'

const PATIENCE_MS = 30_000
const PAUSE_MS = 15

/** Resolves when `holds` does; rejects, saying what was waited for, when it does not in half a minute. */
export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`)
    await sleep(PAUSE_MS)
  }
}
