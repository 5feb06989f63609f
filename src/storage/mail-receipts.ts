// Owns which letters a mailbox has had, for as long as one of them could turn up again.

/**
 * Ids are given out in order, but letters become visible in the order in which their transactions commit. One that was not
 * there in a look this long after its id was given out will never be: no statement of ours takes longer (database.ts).
 */
const SETTLED_MS = 20_000

export interface Receipts {
  has(id: number): boolean
  /** False when it was had before. */
  add(id: number): boolean
  /** No letter with a smaller id is missing. */
  after(): number
  /** A look that began then has found everything that was there. */
  looked(at: number): void
}

interface Mark {
  readonly at: number
  readonly id: number
}

export function createReceipts(): Receipts {
  const had = new Set<number>()
  let greatest = 0
  let after = 0
  let marks: readonly Mark[] = []

  return {
    has: (id) => had.has(id) || id <= after,
    add(id) {
      if (had.has(id) || id <= after) return false
      had.add(id)
      greatest = Math.max(greatest, id)
      return true
    },
    after: () => after,
    looked(at) {
      const settled = marks.filter((mark) => mark.at <= at - SETTLED_MS)
      after = settled.at(-1)?.id ?? after
      marks = [...marks.slice(settled.length), { at, id: greatest }]
      for (const id of had) if (id <= after) had.delete(id)
    },
  }
}
