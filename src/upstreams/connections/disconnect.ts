// Owns the end of a connection: gone here at once, and revoked over there where that is possible.

import type { GuardedFetch } from '../../http/guarded-fetch.ts'
import type { Database } from '../../storage/database.ts'
import type { Keyring } from '../../storage/sealing.ts'
import type * as rows from '../../storage/upstream-connection-row.ts'
import * as stored from '../../storage/upstream-connections.ts'
import { revoke } from '../oauth/tokens.ts'
import { readSecret } from './secret.ts'

export interface DisconnectNeeds {
  readonly db: Database
  readonly keyring: Keyring
  readonly fetch: GuardedFetch
  readonly report: (error: unknown, upstream: string) => void
}

/** False when there was none; `boundTo`: only what is good for this alone. */
export async function disconnect(
  key: rows.ConnectionKey,
  needs: DisconnectNeeds,
  boundTo?: string,
): Promise<boolean> {
  const removed = await stored.remove(needs.db, needs.keyring, key, boundTo)
  if (removed !== null) await revokeThere(removed, needs)
  return removed !== null
}

/** What is not kept any more. */
export async function revokeThere(
  connection: Pick<rows.StoredConnection, 'upstream' | 'secret'>,
  { fetch, report }: Pick<DisconnectNeeds, 'fetch' | 'report'>,
): Promise<void> {
  const secret = readSecret(connection.secret)
  if (secret?.kind !== 'login') return
  const { server, client, refreshToken, accessToken } = secret
  // RFC 7009 §2.1: with a refresh token go the access tokens of the same grant.
  const [token, hint] =
    refreshToken === null
      ? ([accessToken, 'access_token'] as const)
      : ([refreshToken, 'refresh_token'] as const)
  await revoke(server, client, token, hint, fetch).catch((error: unknown) =>
    report(error, connection.upstream),
  )
}
