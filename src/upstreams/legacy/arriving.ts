// Owns the parts that have arrived of what a client brings back, until they are whole: bounded in size and time.

import { MAX_TURN_LENGTH } from './handover-message.ts'

export interface Arriving {
  /** What does not fit is dropped with all that came before it. */
  add(from: string, text: string): void
  /** All of it so far, once. Null for what was dropped, or never came. */
  take(from: string): string | null
  drop(from: string): void
  /** Drops what has stopped to come. */
  sweep(): void
}

interface Letter {
  readonly parts: string[]
  length: number
  heardAt: number
}

/** Of all that arrives at once. */
const MOST_LENGTH = 4 * MAX_TURN_LENGTH

export function createArriving(patienceMs: number): Arriving {
  const letters = new Map<string, Letter>()
  let length = 0

  function drop(from: string): void {
    length -= letters.get(from)?.length ?? 0
    letters.delete(from)
  }

  return {
    add(from, text) {
      const letter = letters.get(from) ?? { parts: [], length: 0, heardAt: 0 }
      letters.set(from, letter)
      letter.parts.push(text)
      letter.length += text.length
      letter.heardAt = performance.now()
      length += text.length
      if (letter.length > MAX_TURN_LENGTH || length > MOST_LENGTH) drop(from)
    },
    take(from) {
      const text = letters.get(from)?.parts.join('') ?? null
      drop(from)
      return text
    },
    drop,
    sweep() {
      const now = performance.now()
      for (const [from, { heardAt }] of letters) if (now - heardAt > patienceMs) drop(from)
    },
  }
}
