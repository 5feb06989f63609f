// Owns which era a program speaks: asked of it once and for long, since it may be another program one day.

import type { Caller } from '../oauth/caller.ts'
import type { Eras } from './probe.ts'

export interface ProgramErasNeeds {
  /** Whether it speaks the modern era. Rejects when it cannot be asked. */
  readonly speaks: (caller: Caller) => Promise<boolean>
  /** Milliseconds. */
  readonly clock: () => number
}

const TTL_MS = 60 * 60_000

/** Whoever asks meanwhile waits for the same answer; what was known stays in use while it is asked again. */
export function createProgramEras({
  speaks,
  clock,
}: ProgramErasNeeds): (caller: Caller) => Eras | Promise<Eras> {
  let known: { readonly eras: Eras; readonly until: number } | null = null
  let asking: Promise<Eras> | null = null

  function ask(caller: Caller): Promise<Eras> {
    asking ??= speaks(caller)
      .then((modern) => {
        const eras = { modern, legacy: !modern }
        known = { eras, until: clock() + TTL_MS }
        return eras
      })
      .finally(() => {
        asking = null
      })
    return asking
  }

  return (caller) => {
    if (known === null) return ask(caller)
    if (clock() >= known.until) ask(caller).catch(() => undefined)
    return known.eras
  }
}
