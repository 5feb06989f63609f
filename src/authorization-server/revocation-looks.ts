// Owns single looks at the table of revocations: what has changed since the last one, and at which moment that was true.

import type { Database } from '../storage/database.ts'
import { type Changes, changesSince, type Revocation } from '../storage/revocations.ts'
import { within } from './within.ts'

export interface Looks {
  /** Rejects after `patienceMs`; the next look then begins from nothing. */
  look(source: Database, patienceMs: number): Promise<Seen>
}

export interface Seen {
  readonly revocations: readonly Revocation[]
  /** By the given clock: nothing that was committed before it is missing. */
  readonly asOf: number
}

interface Query {
  readonly began: number
  readonly since: string | null
  readonly changes: Promise<Changes>
}

export function createLooks(clock: () => number, most: number): Looks {
  const underWay = new Map<Database, Query>()
  let position: string | null = null

  /** One for each source: where it hangs, another one would only hang too. */
  function start(source: Database): Query {
    const changes = changesSince(source, position, most).finally(() => underWay.delete(source))
    // Perhaps nobody waits for it any more when it fails.
    changes.catch(() => undefined)
    const query = { began: clock(), since: position, changes }
    underWay.set(source, query)
    return query
  }

  return {
    async look(source, patienceMs) {
      const { began, since, changes } = underWay.get(source) ?? start(source)
      try {
        const { position: next, revocations } = await within(patienceMs, changes)
        // Positions never go back in one history: this is another one, of a backup or of a standby.
        if (since !== null && BigInt(next) < BigInt(since))
          throw new Error('the database has another history')
        position = next
        return { revocations, asOf: began }
      } catch (error) {
        position = null
        throw error
      }
    },
  }
}
