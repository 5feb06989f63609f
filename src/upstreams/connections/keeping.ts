// Owns how a login that was just made is kept: sealed, for its owner, in the place of whatever was there.

import type { Database } from '../../storage/database.ts'
import type { Keyring } from '../../storage/sealing.ts'
import type { UserId } from '../../storage/tables.ts'
import * as stored from '../../storage/upstream-connections.ts'
import type { Granted } from '../oauth/tokens.ts'
import { bindingOf, keyOf, type Wanting } from './binding.ts'
import { type DisconnectNeeds, revokeThere } from './disconnect.ts'
import type { KnownConnections } from './known.ts'

export interface KeepingNeeds extends DisconnectNeeds {
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

/** What was for another place or client is revoked there: nothing uses it again. What was for this one shares its grant. */
export function createKeep(needs: KeepingNeeds): Keep {
  const { db, keyring, known } = needs
  return async (upstream, userId, secret, { scopes, goodUntil }) => {
    const key = keyOf(upstream, userId ?? stored.EVERYBODY)
    const owned = key.owner === stored.EVERYBODY ? null : userId
    const row = { ...key, userId: owned, boundTo: bindingOf(upstream) }
    const former = await stored.find(db, keyring, key)
    await stored.connect(db, keyring, row, { secret, scopes, goodUntil })
    known.forget(key)
    if (former && former.boundTo !== row.boundTo) await revokeThere(former, needs)
  }
}
