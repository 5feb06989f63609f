// Owns what is remembered of connections between calls, for less than a second: a logout anywhere takes effect within it.

import { LRUCache } from 'lru-cache'
import type { Database } from '../../storage/database.ts'
import type { Keyring } from '../../storage/sealing.ts'
import type * as rows from '../../storage/upstream-connection-row.ts'
import * as stored from '../../storage/upstream-connections.ts'

const REMEMBERED_MS = 750
const REMEMBERED = 5000
/** Longer than a query takes that was asked before another and is answered after it. */
const NEWEST_MS = 10_000

export interface KnownConnections {
  /** As it is now, or was less than `REMEMBERED_MS` ago. Concurrent calls ask once. */
  find(key: rows.ConnectionKey): Promise<rows.StoredConnection | null> | rows.StoredConnection | null
  forget(key: rows.ConnectionKey): void
  /** Notes that it was used. */
  use(key: rows.ConnectionKey): void
  /** Writes which were used. */
  flush(): Promise<void>
}

interface Look {
  found: rows.StoredConnection | null | undefined
  readonly pending: Promise<rows.StoredConnection | null>
}

export function createKnownConnections(db: Database, keyring: Keyring): KnownConnections {
  const looks = new LRUCache<string, Look>({ max: REMEMBERED, ttl: REMEMBERED_MS })
  const newest = new LRUCache<string, number>({ max: REMEMBERED, ttl: NEWEST_MS })
  const used = new Map<string, rows.ConnectionKey>()

  /** Queries overtake each other: what is older than what was seen already is read once more. */
  const read = async (name: string, key: rows.ConnectionKey): Promise<rows.StoredConnection | null> => {
    const found = await stored.find(db, keyring, key)
    if (found === null || found.version >= (newest.get(name) ?? 0)) return found
    return stored.find(db, keyring, key)
  }

  const note = (name: string, one: Look, found: rows.StoredConnection | null): void => {
    one.found = found
    if (found === null) return
    newest.set(name, found.version)
    const current = looks.get(name)
    if (current?.found && current.found.version < found.version) looks.delete(name)
  }

  const look = (name: string, key: rows.ConnectionKey): Look => {
    const one: Look = { found: undefined, pending: read(name, key) }
    // Before the query, so that its age counts from the moment that it looks at.
    looks.set(name, one)
    one.pending.then(
      (found) => note(name, one, found),
      () => looks.delete(name),
    )
    return one
  }

  return {
    find(key) {
      const name = nameOf(key)
      const { found, pending } = looks.get(name) ?? look(name, key)
      return found === undefined ? pending : found
    },
    forget: (key) => void looks.delete(nameOf(key)),
    use: (key) => void used.set(nameOf(key), key),
    async flush() {
      const keys = [...used.values()]
      used.clear()
      await stored.touch(db, keys)
    },
  }
}

function nameOf({ owner, upstream }: rows.ConnectionKey): string {
  return `${owner} ${upstream}`
}
