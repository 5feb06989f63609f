// Owns how a login that was just made is kept: sealed, for its owner, in the place of whatever was there.

import type { Database } from '../../storage/database.ts'
import type { Keyring } from '../../storage/sealing.ts'
import type { UserId } from '../../storage/tables.ts'
import * as stored from '../../storage/upstream-connections.ts'
import type { Granted } from '../oauth/tokens.ts'
import { bindingOf, keyOf, type Wanting } from './binding.ts'
import type { KnownConnections } from './known.ts'

export interface KeepingNeeds {
  readonly db: Database
  readonly keyring: Keyring
  readonly known: KnownConnections
}

/** For a user of null it has to be shared. */
export type Keep = (
  upstream: Wanting,
  userId: UserId | null,
  secret: string,
  granted: Pick<Granted, 'scopes' | 'goodUntil'>,
) => Promise<void>

export function createKeep({ db, keyring, known }: KeepingNeeds): Keep {
  return async (upstream, userId, secret, { scopes, goodUntil }) => {
    const key = keyOf(upstream, userId ?? stored.EVERYBODY)
    const owned = key.owner === stored.EVERYBODY ? null : userId
    const row = { ...key, userId: owned, boundTo: bindingOf(upstream) }
    await stored.connect(db, keyring, row, { secret, scopes, goodUntil })
    known.forget(key)
  }
}
