// Owns how many passwords are hashed at once, and how many may wait for their turn.

export interface HashingQueue {
  /** Runs `work` when it is its turn. Null at once, and nothing is run, when too many are waiting already. */
  run<T>(work: () => Promise<T>): Promise<T> | null
}

export interface HashingLimits {
  /** Each running hash holds a thread of libuv's pool (four by default, shared with files and DNS) and its memory. */
  readonly running: number
  readonly waiting: number
}

export function createHashingQueue({ running, waiting }: HashingLimits): HashingQueue {
  const line: (() => void)[] = []
  let busy = 0

  async function turn<T>(work: () => Promise<T>): Promise<T> {
    // A slot is handed over, never freed, while somebody waits: nobody can overtake the line.
    if (busy < running) busy += 1
    else await new Promise<void>((resolve) => line.push(resolve))
    try {
      return await work()
    } finally {
      const next = line.shift()
      if (next) next()
      else busy -= 1
    }
  }

  return {
    run: (work) => (busy >= running && line.length >= waiting ? null : turn(work)),
  }
}
