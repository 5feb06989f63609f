// Owns API keys as the gateway meets them: who presents one, known for less than a second, and noted without a write per call.

import { LRUCache } from 'lru-cache'
import type { KeyHolder } from '../oauth/caller.ts'
import type { Member } from '../oauth/policy.ts'
import * as stored from '../storage/api-keys.ts'
import type { Database } from '../storage/database.ts'
import { hashToken } from '../storage/hash.ts'

export interface ApiKeys {
  /** Who holds this key; null when it is none, expired or revoked, or its person is disabled. Throws at an outage. */
  find(key: string): KeyHolder | null | Promise<KeyHolder | null>
  /** Writes which keys were used. */
  flush(): Promise<void>
}

/** A revocation takes effect within this time wherever it was made. */
export const REMEMBERED_MS = 750
const REMEMBERED_KEYS = 5000

type Lookup = { holder: KeyHolder | null | undefined; readonly pending: Promise<KeyHolder | null> }

/** `groupsOf`: what the policy may speak of, see oauth/policy.ts. */
export function createApiKeys(db: Database, groupsOf: (person: Member) => readonly string[]): ApiKeys {
  // What is not a key is remembered too: whoever tries one over and over costs one query in that time.
  const lookups = new LRUCache<string, Lookup>({ max: REMEMBERED_KEYS, ttl: REMEMBERED_MS })
  const used = new Set<string>()

  const note = (holder: KeyHolder | null) => {
    if (holder) used.add(holder.clientId)
    return holder
  }

  const lookUp = (hash: string, key: string): Lookup => {
    const lookup: Lookup = {
      holder: undefined,
      pending: stored.findGood(db, key).then((found) => found && toHolder(found, groupsOf(found))),
    }
    // Before the query, so that its age counts from the moment that it looks at.
    lookups.set(hash, lookup)
    lookup.pending.then(
      (holder) => {
        lookup.holder = holder
      },
      () => lookups.delete(hash),
    )
    return lookup
  }

  return {
    find(key) {
      const hash = hashToken(key)
      const { holder, pending } = lookups.get(hash) ?? lookUp(hash, key)
      return holder === undefined ? pending.then(note) : note(holder)
    },
    async flush() {
      const ids = [...used]
      used.clear()
      await stored.touch(db, ids)
    },
  }
}

function toHolder({ id, userId, scopes, expiresAt }: stored.ApiKey, groups: readonly string[]): KeyHolder {
  return {
    subject: userId,
    // No client stands between: the key is what there is to name, and to revoke.
    clientId: id,
    grantId: id,
    scopes,
    groups: new Set(groups),
    consentedAt: null,
    // It was good just now: what ended the tokens of before does not end the key.
    issuedAt: Math.floor(Date.now() / 1000),
    expiresAt: expiresAt === null ? Number.MAX_SAFE_INTEGER : Math.floor(expiresAt.getTime() / 1000),
  }
}
