// Owns an API over time: loaded at the start, loaded again now and then, and kept while it cannot be.

import type { Api } from './load.ts'
import { type ApiProblem, leftOutProblem, problemOf } from './problem.ts'

export interface SourceNeeds {
  readonly load: () => Promise<Api>
  /** It could not be loaded, or not all of it is of use; for the log. */
  readonly report: (problem: ApiProblem) => void
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
  let told = ''

  function refresh(): Promise<void> {
    loading ??= load()
      .then(replace, (error: unknown) => {
        failure = error
        failedAt = clock()
        tell(problemOf(error, api !== null))
      })
      .finally(() => {
        loading = null
      })
    return loading
  }

  /** Each time that it is something else: it is looked at again and again. */
  function tell(problem: ApiProblem): void {
    if (problem.why === told) return
    told = problem.why
    report(problem)
  }

  function replace(loaded: Api): void {
    const before = api
    api = loaded
    told = ''
    if (before === null || !sameNotes(before, loaded))
      for (const each of loaded.leftOut) report(leftOutProblem(each))
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
  return JSON.stringify(one.leftOut) === JSON.stringify(other.leftOut)
}

function toolsOf({ byName }: Api): string {
  return JSON.stringify([...byName.values()].map(({ tool }) => tool))
}
