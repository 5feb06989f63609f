// Owns how an artifact is written to its row, and which rows count.

import { sql } from 'kysely'
import type { TokenHash } from './hash.ts'
import type { JsonObject } from './tables.ts'

export interface NewArtifact {
  /** oidc-provider's word for the kind: `Session`, `AuthorizationCode`, … */
  readonly model: string
  readonly idHash: TokenHash
  readonly payload: Readonly<JsonObject>
  readonly grantId: string | null
  readonly accountId: string | null
  readonly clientId: string | null
  readonly uid: string | null
  readonly userCode: string | null
  /** The identifier, sealed, for kinds that are found by something else and saved again under it. */
  readonly sealedId: string | null
  /** Null: never expires. */
  readonly expiresInSeconds: number | null
}

export function toRow(artifact: NewArtifact) {
  return {
    model: artifact.model,
    id_hash: artifact.idHash,
    payload: JSON.stringify(artifact.payload),
    grant_id: artifact.grantId,
    account_id: artifact.accountId,
    client_id: artifact.clientId,
    uid: artifact.uid,
    user_code: artifact.userCode,
    sealed_id: artifact.sealedId,
    expires_at: expiry(artifact.expiresInSeconds),
  }
}

function expiry(seconds: number | null) {
  return seconds === null ? null : sql<Date>`now() + make_interval(secs => ${seconds})`
}

export function isLive() {
  return sql<boolean>`(expires_at is null or expires_at > now())`
}
