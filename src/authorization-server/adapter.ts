// Owns how oidc-provider's records reach storage: what is hashed, what is sealed, and that a single use is single.

import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'
import { errors } from 'oidc-provider'
import * as artifacts from '../storage/artifacts.ts'
import type { Database } from '../storage/database.ts'
import { hashToken } from '../storage/hash.ts'
import * as revocations from '../storage/revocations.ts'
import type { Keyring } from '../storage/sealing.ts'
import { inTransaction, type Transactions } from '../storage/transactions.ts'
import { createClientAdapter } from './client-adapter.ts'
import type { CodeRace } from './code-race.ts'
import type { RefreshRotation } from './refresh-rotation.ts'
import type { Registrations } from './registrations.ts'

export interface AdapterNeeds {
  readonly transactions: Transactions
  readonly keyring: Keyring
  readonly rotation: RefreshRotation
  readonly codeRace: CodeRace
  readonly registrations: Registrations
}

/** Their payload names the session cookie, so the whole of it is sealed. */
const SEALED: ReadonlySet<string> = new Set(['Session', 'Interaction'])

/** Found by something other than their identifier, yet saved again under it: the identifier is sealed beside the row. */
const FOUND_OTHERWISE: ReadonlySet<string> = new Set(['Session', 'DeviceCode'])

export const IDENTIFIER = 'artifact-identifier'
export const PAYLOAD = 'artifact-payload'

/**
 * Records are stored under the SHA-256 of what the bearer presents, never under the identifier itself. Expects to be
 * called inside a transaction where several writes belong together (see token-transaction.ts).
 */
export function createAdapterFactory(needs: AdapterNeeds): AdapterFactory {
  return (model) =>
    model === 'Client'
      ? createClientAdapter(needs.transactions, needs.registrations)
      : createArtifactAdapter(model, needs)
}

function createArtifactAdapter(
  model: string,
  { transactions, keyring, rotation, codeRace }: AdapterNeeds,
): Adapter {
  const db = () => transactions.current()

  const toRow = (id: string, { jti: _identifier, ...payload }: AdapterPayload, expiresIn?: number) => {
    const idHash = hashToken(id)
    return {
      model,
      idHash,
      payload: SEALED.has(model)
        ? { sealed: keyring.seal(PAYLOAD, JSON.stringify(payload), model + idHash) }
        : payload,
      grantId: payload.grantId ?? null,
      accountId: payload.accountId ?? null,
      clientId: payload.clientId ?? null,
      uid: model === 'Session' ? (payload.uid ?? null) : null,
      userCode: payload.userCode ?? null,
      sealedId: FOUND_OTHERWISE.has(model) ? keyring.seal(IDENTIFIER, id, model + idHash) : null,
      expiresInSeconds: expiresIn ?? null,
    }
  }

  const fromRow = (row: artifacts.Artifact | null, id?: string, waited = 0): AdapterPayload | undefined => {
    if (!row) return undefined
    const identity = model + row.idHash
    const jti =
      id ??
      (row.sealedId === null ? null : (keyring.open(IDENTIFIER, row.sealedId, identity)?.toString() ?? null))
    const payload =
      typeof row.payload.sealed === 'string'
        ? openPayload(keyring, row.payload.sealed, identity)
        : row.payload
    if (jti === null || payload === null) return undefined
    return { ...payload, jti, ...(isSpent(row, waited) ? { consumed: true } : undefined) }
  }

  /**
   * What looks unused still has to be consumed, and that is where a retry gets its successor (refresh-rotation.ts) and who
   * lost a race for a code is refused (code-race.ts). What looks spent ends its grant.
   */
  const isSpent = (row: artifacts.Artifact, waited: number) => {
    if (model === 'RefreshToken' && rotation.isRetry(row)) return false
    if (model === 'AuthorizationCode' && codeRace.isLost(row, waited)) return false
    return row.secondsSinceConsumed !== null
  }

  return {
    async upsert(id, payload, expiresIn) {
      const row = toRow(id, payload, expiresIn)
      if (model === 'RefreshToken') return void (await artifacts.insertOnce(db(), row))
      if (model !== 'ReplayDetection') return artifacts.upsert(db(), row)
      // RFC 7523 §3, RFC 9449 §11.1: of two uses of one jti at the same moment one must fail.
      if (!(await artifacts.insertOnce(db(), row)))
        throw new errors.InvalidGrant('the assertion or proof was used before')
    },
    async find(id) {
      const waited = codeRace.secondsWaited()
      return fromRow(await artifacts.find(db(), model, hashToken(id)), id, waited)
    },
    async findByUid(uid) {
      return fromRow(await artifacts.findByUid(db(), model, uid))
    },
    async findByUserCode(userCode) {
      return fromRow(await artifacts.findByUserCode(db(), model, userCode))
    },
    /** Only one of any number of concurrent calls succeeds; the others get invalid_grant, or for a refresh token its successor. */
    async consume(id) {
      if (model === 'RefreshToken') return rotation.consume(db(), id)
      if (await artifacts.consumeOnce(db(), model, hashToken(id))) return
      throw new errors.InvalidGrant('it was used before')
    },
    async destroy(id) {
      if (model === 'Grant') return destroyGrant(db(), id)
      await artifacts.destroy(db(), model, hashToken(id))
    },
    async revokeByGrantId(grantId) {
      await artifacts.revokeByGrant(db(), grantId, model)
    },
  }
}

/** A grant is only destroyed to end what was issued under it, of which nothing stores the access tokens. */
async function destroyGrant(db: Database, id: string): Promise<void> {
  await inTransaction(db, async (transaction) => {
    await artifacts.destroy(transaction, 'Grant', hashToken(id))
    await revocations.revoke(transaction, 'grant', id)
  })
}

function openPayload(keyring: Keyring, sealed: string, identity: string): AdapterPayload | null {
  const plain = keyring.open(PAYLOAD, sealed, identity)
  return plain === null ? null : JSON.parse(plain.toString())
}
