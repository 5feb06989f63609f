// Owns how oidc-provider's records reach storage: what is hashed, what is sealed, and that a single use is single.

import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'
import { errors } from 'oidc-provider'
import * as artifactEnds from '../storage/artifact-ends.ts'
import type { NewArtifact } from '../storage/artifact-row.ts'
import * as artifactUses from '../storage/artifact-uses.ts'
import * as artifacts from '../storage/artifacts.ts'
import type { Database } from '../storage/database.ts'
import { hashToken } from '../storage/hash.ts'
import * as revocations from '../storage/revocations.ts'
import type { Keyring } from '../storage/sealing.ts'
import { inTransaction, type Transactions } from '../storage/transactions.ts'
import { isUnstorable } from '../storage/unstorable.ts'
import { currentBrowser } from './browsers.ts'
import { createClientAdapter } from './client-adapter.ts'
import type { CodeRace } from './code-race.ts'
import type { Lookups } from './lookups.ts'
import type { RefreshRotation } from './refresh-rotation.ts'
import type { Registrations } from './registrations.ts'
import type { Spending } from './spending.ts'

export interface AdapterNeeds {
  readonly transactions: Transactions
  readonly keyring: Keyring
  readonly lookups: Lookups
  readonly spending: Spending
  readonly rotation: RefreshRotation
  readonly codeRace: CodeRace
  readonly registrations: Registrations
}

/** Their payload names the session cookie, so the whole of it is sealed. */
const SEALED: ReadonlySet<string> = new Set(['Session', 'Interaction'])

/** Found by something other than their identifier, yet saved again under it: the identifier is sealed beside the row. */
const FOUND_OTHERWISE: ReadonlySet<string> = new Set(['Session', 'DeviceCode', 'Grant'])

/** RFC 8628 §3.5: for so long after its end a device is told that its code has expired, rather than that there was none. */
const EXPIRED_DEVICE_CODE_KEPT_SECONDS = 10 * 60

export const IDENTIFIER = 'artifact-identifier'
export const PAYLOAD = 'artifact-payload'

/**
 * Records are stored under the SHA-256 of what the bearer presents, never under the identifier itself. Several writes of
 * a token request are one transaction (see token-transaction.ts).
 */
export function createAdapterFactory(needs: AdapterNeeds): AdapterFactory {
  return (model) => (model === 'Client' ? createClientAdapter(needs) : createArtifactAdapter(model, needs))
}

function createArtifactAdapter(
  model: string,
  { transactions, keyring, lookups, spending, rotation, codeRace }: AdapterNeeds,
): Adapter {
  const db = () => transactions.current()
  const writing = () => transactions.forWriting()

  const toRow = (id: string, { jti: _identifier, ...payload }: AdapterPayload, expiresIn?: number) => {
    const idHash = hashToken(id)
    return {
      model,
      idHash,
      payload: SEALED.has(model)
        ? { sealed: keyring.seal(PAYLOAD, JSON.stringify(withBrowser(model, payload)), model + idHash) }
        : payload,
      grantId: payload.grantId ?? null,
      accountId: payload.accountId ?? null,
      clientId: payload.clientId ?? null,
      uid: model === 'Session' ? (payload.uid ?? null) : null,
      userCode: payload.userCode ?? null,
      sealedId: FOUND_OTHERWISE.has(model) ? keyring.seal(IDENTIFIER, id, model + idHash) : null,
      expiresInSeconds: keptFor(model, expiresIn),
    }
  }

  const fromRow = (row: artifacts.Artifact | null, id?: string, waited = 0): AdapterPayload | undefined => {
    if (!row) return undefined
    const jti = id ?? openIdentifier(keyring, row)
    const payload = openPayload(keyring, row)
    if (jti === null || payload === null || isUnbound(model, payload)) return undefined
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

  const save = async (payload: AdapterPayload, row: NewArtifact) => {
    if (model === 'RefreshToken') return spending.issue(row)
    if (isDeviceAnswer(model, payload)) return answerDevice(await writing(), row)
    if (model !== 'ReplayDetection') return artifacts.upsert(await writing(), row)
    // RFC 7523 §3, RFC 9449 §11.1: of two uses of one jti at the same moment one must fail.
    if (!(await artifactUses.insertOnce(await writing(), row)))
      throw new errors.InvalidGrant('the assertion or proof was used before')
  }

  return {
    async upsert(id, payload, expiresIn) {
      try {
        await save(payload, toRow(id, payload, expiresIn))
      } catch (cause) {
        if (!isUnstorable(cause)) throw cause
        throw new errors.InvalidRequest('a parameter has the character NUL', undefined, { cause })
      }
    },
    async find(id) {
      const { row, secondsWaited } = await lookups.artifact(model, hashToken(id))
      if (row && model === 'RefreshToken') rotation.found(row)
      return fromRow(row, id, secondsWaited)
    },
    async findByUid(uid) {
      return fromRow(await artifacts.findByUid(db(), model, uid))
    },
    async findByUserCode(userCode) {
      return fromRow(await artifacts.findByUserCode(db(), model, userCode))
    },
    /** Only one of any number of concurrent requests succeeds; the others get invalid_grant, or for a refresh token its successor. */
    async consume(id) {
      if (model === 'RefreshToken') return rotation.consume(id)
      return spending.spend({ model, idHash: hashToken(id), successorSealed: null })
    },
    async destroy(id) {
      if (model === 'Grant') return destroyGrant(await writing(), id)
      await artifactEnds.destroy(await writing(), model, hashToken(id))
    },
    async revokeByGrantId(grantId) {
      await artifactEnds.revokeByGrant(await writing(), grantId, model)
    },
  }
}

/** A grant is only destroyed to end what was issued under it, of which nothing stores the access tokens. */
export async function destroyGrant(db: Database, id: string): Promise<void> {
  await inTransaction(db, async (transaction) => {
    await artifactEnds.destroy(transaction, 'Grant', hashToken(id))
    await revocations.revoke(transaction, 'grant', id)
  })
}

/** What a row holds; null when it was sealed under a key that is gone. */
export function openPayload(keyring: Keyring, row: artifacts.StoredArtifact): AdapterPayload | null {
  const { sealed } = row.payload
  if (typeof sealed !== 'string') return row.payload
  const plain = keyring.open(PAYLOAD, sealed, row.model + row.idHash)
  return plain === null ? null : JSON.parse(plain.toString())
}

/** Under which identifier a row was saved, for the kinds that keep it. */
export function openIdentifier(keyring: Keyring, row: artifacts.StoredArtifact): string | null {
  if (row.sealedId === null) return null
  return keyring.open(IDENTIFIER, row.sealedId, row.model + row.idHash)?.toString() ?? null
}

/** A session remembers where it was last used, so that its person recognises it among others. */
function withBrowser(model: string, payload: AdapterPayload): AdapterPayload {
  const browser = model === 'Session' ? currentBrowser() : null
  return browser === null ? payload : { ...payload, browser: { ...browser, at: Date.now() } }
}

/** A code without a challenge would be redeemed by whoever has it. None is issued (RFC 9700 §2.1.1), so it is not ours. */
function isUnbound(model: string, { codeChallenge }: AdapterPayload): boolean {
  return model === 'AuthorizationCode' && codeChallenge === undefined
}

function keptFor(model: string, expiresIn: number | undefined): number | null {
  if (expiresIn === undefined) return null
  return model === 'DeviceCode' ? expiresIn + EXPIRED_DEVICE_CODE_KEPT_SECONDS : expiresIn
}

function isDeviceAnswer(model: string, { accountId, error }: AdapterPayload): boolean {
  return model === 'DeviceCode' && (accountId !== undefined || error !== undefined)
}

/** Somebody else allowed or refused the device a moment earlier. */
class DeviceAnsweredError extends Error {
  override readonly name = 'DeviceAnsweredError'
}

async function answerDevice(db: Database, row: NewArtifact): Promise<void> {
  if (await artifactUses.answerOnce(db, row)) return
  throw new DeviceAnsweredError('the device was answered before')
}
