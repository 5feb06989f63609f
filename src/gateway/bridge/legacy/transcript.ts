// Owns the transcript of a turn: what was said on its stream, for a client that comes back and asks for the rest.

import type { Members } from '../../../mcp/rpc.ts'

export interface Said {
  readonly number: number
  readonly message: Members
  readonly last: boolean
}

export interface Transcript {
  /** How much was said so far, kept or not. */
  length(): number
  /** Returns its number. Of the notes only the newest are kept. */
  add(message: Members, kind: 'note' | 'question' | 'answer', last: boolean): number
  /** A question that was answered is not asked again. */
  remove(number: number): void
  after(number: number): readonly Said[]
  size(): number
}

interface Kept extends Said {
  readonly size: number
  readonly note: boolean
}

/** Progress and log messages: who was away can do without the older ones. */
const MAX_NOTES_SIZE = 32 * 1024

export function createTranscript(): Transcript {
  let number = 0
  let kept: Kept[] = []
  let notesSize = 0

  function dropOldNotes(): void {
    kept = kept.filter(({ note, size }) => {
      if (!note || notesSize <= MAX_NOTES_SIZE) return true
      notesSize -= size
      return false
    })
  }

  return {
    length: () => number,
    add(message, kind, last) {
      number++
      const note = kind === 'note'
      const size = JSON.stringify(message).length
      kept.push({ number, message, last, size, note })
      if (note) notesSize += size
      if (notesSize > MAX_NOTES_SIZE) dropOldNotes()
      return number
    },
    remove(gone) {
      kept = kept.filter((said) => said.number !== gone)
    },
    after: (place) => kept.filter((said) => said.number > place),
    size: () => kept.reduce((sum, { size }) => sum + size, 0),
  }
}
