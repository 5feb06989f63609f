// Owns single looks at the table of revocations: what has changed since the last one, and at which moment that was true.

import type { Database } from '../storage/database.ts'
import { type Changes, changesSince, type Position, type Revocation } from '../storage/revocation-changes.ts'
import { within } from './within.ts'

export interface Looks {
  /** Rejects after `patienceMs`. */
  look(source: Database, patienceMs: number): Promise<Seen>
}

export interface Seen {
  readonly revocations: readonly Revocation[]
  /** By the given clock: nothing that was committed before it is missing. */
  readonly asOf: number
}

interface Query {
  readonly began: number
  readonly changes: Promise<Changes>
}

export function createLooks(clock: () => number, most: number): Looks {
  const underWay = new Map<Database, Query>()
  let position: Position | null = null

  /** One for each source: where it hangs, another one would only hang too. */
  function start(source: Database): Query {
    const changes = changesSince(source, position, most).finally(() => underWay.delete(source))
    // Perhaps nobody waits for it any more when it fails.
    changes.catch(() => undefined)
    const query = { began: clock(), changes }
    underWay.set(source, query)
    return query
  }

  return {
    async look(source, patienceMs) {
      const { began, changes } = underWay.get(source) ?? start(source)
      const seen = await within(patienceMs, changes)
      position = seen.position
      return { revocations: seen.revocations, asOf: began }
    },
  }
}
