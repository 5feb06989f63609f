// Owns what is presented for a person at an upstream and was made by us: kept until shortly before it runs out, made once for all.

import { LRUCache } from 'lru-cache'
import type { Caller } from '../../oauth/caller.ts'
import type { Credential } from '../credentials.ts'
import type { Upstream } from '../registry.ts'

export interface Made {
  readonly credential: Credential
  /** Milliseconds, counted from the moment at which it was asked for. */
  readonly lifeMs: number
}

export interface Kept {
  /** Concurrent calls of one person have it made once. What failed is not tried again for a second. */
  get(caller: Caller, upstream: Upstream, make: () => Promise<Made>): Promise<Credential>
  /** False when another one is kept by now. */
  forget(caller: Caller, upstream: Upstream, credential: Credential): boolean
}

interface Entry {
  readonly made: Promise<Credential>
  credential: Credential | null
  until: number
}

/** Of one upstream. */
const MOST = 5000
const MARGIN_MS = 30_000
const PAUSE_MS = 1_000
/** For as long as it is being made. */
const PATIENCE_MS = 60_000

/** `clock`: milliseconds. */
export function createKept(clock: () => number = Date.now): Kept {
  // By the upstream as it is configured now: what was made for another configuration is gone with it.
  const entries = new WeakMap<Upstream, LRUCache<string, Entry>>()

  const of = (upstream: Upstream): LRUCache<string, Entry> => {
    const known = entries.get(upstream) ?? new LRUCache<string, Entry>({ max: MOST })
    entries.set(upstream, known)
    return known
  }

  function begin(make: () => Promise<Made>): Entry {
    const asked = clock()
    const entry: Entry = {
      credential: null,
      until: asked + PATIENCE_MS,
      made: make().then(
        ({ credential, lifeMs }) => {
          entry.credential = credential
          entry.until = asked + lifeMs - Math.min(MARGIN_MS, lifeMs / 4)
          return credential
        },
        (error: unknown) => {
          entry.until = clock() + PAUSE_MS
          throw error
        },
      ),
    }
    return entry
  }

  return {
    get({ subject }, upstream, make) {
      const own = of(upstream)
      const known = own.get(subject)
      if (known && clock() < known.until) return known.made
      const entry = begin(make)
      own.set(subject, entry)
      return entry.made
    },
    forget({ subject }, upstream, credential) {
      const own = of(upstream)
      if (own.get(subject)?.credential !== credential) return false
      return own.delete(subject)
    },
  }
}
