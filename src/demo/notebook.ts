// Owns the notes of the demo upstream: in memory, bounded, one notebook for everyone.

export const MAX_NOTES = 100
export const MAX_NOTE_LENGTH = 500

export interface Note {
  readonly id: number
  readonly text: string
  readonly writtenAt: string
}

export interface Notebook {
  list(): readonly Note[]
  /** Null when the notebook is full: nothing is dropped to make room. */
  add(text: string): Note | null
  /** How many notes were deleted. */
  clear(): number
  /** Calls the listener after every change; the returned function stops that. */
  onChange(listener: () => void): () => void
}

export function createNotebook(now: () => Date = () => new Date()): Notebook {
  const notes: Note[] = []
  const listeners = new Set<() => void>()
  let lastId = 0
  const changed = () => {
    for (const listener of listeners) listener()
  }
  return {
    list: () => [...notes],
    add(text) {
      if (notes.length >= MAX_NOTES) return null
      const note = { id: ++lastId, text, writtenAt: now().toISOString() }
      notes.push(note)
      changed()
      return note
    },
    clear() {
      const deleted = notes.splice(0).length
      changed()
      return deleted
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
