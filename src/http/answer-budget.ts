// Owns how much of answers that have to be read this process holds at once, all of them together.

export interface AnswerBudget {
  /** What one answer takes of it: nothing yet. */
  share(): AnswerShare
  /** Bytes that are held. */
  held(): number
}

export interface AnswerShare {
  /** So many more bytes are held, whether or not there is room for them. */
  add(bytes: number): void
  /** False for an answer that has to go because all together are too much. A small one may always stay. */
  fits(): boolean
  /** None is held any more. Twice is once; the share can be used again. */
  release(): void
}

/** There is no room for another large answer. */
export class NoRoom extends Error {
  constructor() {
    super('Too many large answers are held at once.')
    this.name = 'NoRoom'
  }
}

/** What is smaller is not refused: thousands of them are not much, and most answers are. */
const SMALL_BYTES = 256 * 1024

export function createAnswerBudget(maxBytes: number): AnswerBudget {
  let held = 0
  return {
    held: () => held,
    share() {
      let size = 0
      return {
        add(bytes) {
          size += bytes
          held += bytes
        },
        fits: () => size < SMALL_BYTES || held <= maxBytes,
        release() {
          held -= size
          size = 0
        },
      }
    },
  }
}

/** For a reader: the same share, which refuses. */
export function addOrThrow(share: AnswerShare | undefined, bytes: number): void {
  share?.add(bytes)
  if (share?.fits() === false) throw new NoRoom()
}
