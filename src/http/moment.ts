// Owns how a moment is said to people.

export interface Moment {
  /** For machines. */
  readonly iso: string
  /** "just now", "3 hours ago"; a date when it is longer ago. */
  readonly text: string
}

const STEPS = [
  ['minute', 60],
  ['hour', 60 * 60],
  ['day', 24 * 60 * 60],
] as const

const DATE_AFTER_DAYS = 30
const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })

export function momentOf(date: Date, now: Date = new Date()): Moment {
  return { iso: date.toISOString(), text: textOf(date, now) }
}

/** As a date, for what lies ahead. */
export function dateOf(date: Date): Moment {
  return { iso: date.toISOString(), text: DATE.format(date) }
}

function textOf(date: Date, now: Date): string {
  const seconds = Math.max(0, (now.getTime() - date.getTime()) / 1000)
  const step = STEPS.findLast(([, length]) => seconds >= length)
  if (!step) return 'just now'
  const [unit, length] = step
  const count = Math.floor(seconds / length)
  if (unit === 'day' && count > DATE_AFTER_DAYS) return DATE.format(date)
  return count === 1 ? `${unit === 'hour' ? 'an' : 'a'} ${unit} ago` : `${count} ${unit}s ago`
}
