// Owns what every workshop has, whatever SDK it is built on: its words, and what it counts.

export const PLAN_URI = 'workshop://plan'
export const PLAN = 'Saw, sand, paint.'
export const INFO = { name: 'workshop', version: '1.0.0' }
export const QUESTION = 'Which color?'
export const STEPS = 3
/** Nobody waits for so long: a call that is not given up fails its test. */
export const LONG_MS = 20_000

export interface Counts {
  /** Long calls that are under way. */
  waiting: number
  /** Long calls that their client gave up. */
  givenUp: number
}

export function noCounts(): Counts {
  return { waiting: 0, givenUp: 0 }
}

/** Until the call is given up. */
export async function waitLong(counts: Counts, signal: AbortSignal): Promise<void> {
  counts.waiting++
  const over = Promise.withResolvers<void>()
  const timer = setTimeout(over.resolve, LONG_MS)
  signal.addEventListener('abort', () => over.resolve(), { once: true })
  await over.promise
  clearTimeout(timer)
  counts.waiting--
  if (signal.aborted) counts.givenUp++
}

export function text(value: string) {
  return { content: [{ type: 'text' as const, text: value }] }
}
