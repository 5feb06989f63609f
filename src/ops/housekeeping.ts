// Owns what is done every now and then so that the database does not grow: expired records go.

export interface HousekeepingNeeds {
  /** Each removes some of what has expired and returns how many; it is called again while it removes a full batch. */
  readonly tasks: readonly {
    readonly name: string
    readonly batch: number
    run(limit: number): Promise<number>
  }[]
  readonly onError: (error: unknown, task: string) => void
  readonly intervalMs?: number
  /** The first round begins now and not after an interval. */
  readonly atOnce?: boolean
}

export interface Housekeeping {
  /** Resolves when a round that is running has ended. */
  stop(): Promise<void>
}

const INTERVAL_MS = 60_000

export function startHousekeeping({
  tasks,
  onError,
  intervalMs = INTERVAL_MS,
  atOnce = false,
}: HousekeepingNeeds): Housekeeping {
  const stopping = new AbortController()
  let round: Promise<void> = Promise.resolve()

  const runAll = async () => {
    for (const { name, batch, run } of tasks) {
      try {
        while (!stopping.signal.aborted && (await run(batch)) === batch);
      } catch (error) {
        onError(error, name)
      }
    }
  }
  if (atOnce) round = runAll()
  // A round that takes longer than the interval is not joined by a second one.
  const timer = setInterval(() => {
    round = round.then(runAll)
  }, intervalMs)
  timer.unref()

  return {
    async stop() {
      stopping.abort()
      clearInterval(timer)
      await round
    },
  }
}
