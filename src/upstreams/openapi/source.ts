// Owns an API over time: loaded at the start, loaded again now and then, and kept while it cannot be.

import type { Api } from './load.ts'

export interface SourceNeeds {
  readonly load: () => Promise<Api>
  /** It could not be loaded, or not all of it is of use; for the log. */
  readonly report: (problem: unknown) => void
  /** Another set of tools than before. */
  readonly onChange: () => void
  readonly refreshMs: number
  /** Milliseconds. */
  readonly clock: () => number
}

export interface Source {
  /** The newest that there is. Rejects with why there has never been one. */
  current(): Promise<Api>
  close(): void
}

/** After a failure, nobody asks again before this has passed. */
const PAUSE_MS = 10_000

export function createSource({ load, report, onChange, refreshMs, clock }: SourceNeeds): Source {
  let api: Api | null = null
  let failure: unknown = null
  let failedAt = Number.NEGATIVE_INFINITY
  let loading: Promise<void> | null = null

  function refresh(): Promise<void> {
    loading ??= load()
      .then(replace, (error: unknown) => {
        failure = error
        failedAt = clock()
        report(error)
      })
      .finally(() => {
        loading = null
      })
    return loading
  }

  function replace(loaded: Api): void {
    const before = api
    api = loaded
    if (before === null || !sameNotes(before, loaded))
      for (const note of loaded.leftOut) report(new Error(note))
    if (before !== null && toolsOf(before) !== toolsOf(loaded)) onChange()
  }

  const timer = setInterval(() => void refresh(), refreshMs).unref()
  void refresh()

  return {
    async current() {
      if (api === null && clock() - failedAt >= PAUSE_MS) await refresh()
      if (api === null) throw failure
      return api
    },
    close: () => clearInterval(timer),
  }
}

function sameNotes(one: Api, other: Api): boolean {
  return one.leftOut.join('\n') === other.leftOut.join('\n')
}

function toolsOf({ byName }: Api): string {
  return JSON.stringify([...byName.values()].map(({ tool }) => tool))
}
