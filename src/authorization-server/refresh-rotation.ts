// Owns the rotation of refresh tokens: a retry gets the same successor, a later reuse ends the family (RFC 9700 §4.14.2).

import { randomBytes } from 'node:crypto'
import { errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import * as artifacts from '../storage/artifacts.ts'
import type { Database } from '../storage/database.ts'
import { hashToken } from '../storage/hash.ts'
import { openWithToken, sealWithToken } from '../storage/sealing.ts'

/** How long a client that lost our answer, or refreshed twice at once, may repeat the refresh. */
export const REFRESH_GRACE_SECONDS = 30

const MODEL = 'RefreshToken'

export interface RotationOptions {
  readonly graceSeconds?: number
  /** Whether refreshing this grant is a client's answer to being told that it needs more scope (see step-up.ts). */
  readonly answersChallenge?: (grantId: string) => boolean
}

export interface RefreshRotation {
  isRetry(row: artifacts.Artifact): boolean
  /**
   * Spends the token for the current token request. The first of any number of concurrent calls chooses the successor;
   * every other one within the grace window gets the same. Throws `invalid_grant` after it.
   */
  consume(db: Database, token: string): Promise<void>
  /** Makes the refresh token that the current request saves next be the successor that `consume` chose. */
  attach(provider: Provider): void
}

/**
 * The successor is stored beside the spent token, sealed under a key derived from that token: only who presents it again
 * can read it, so a copy of the database opens nothing.
 */
export function createRefreshRotation({
  graceSeconds = REFRESH_GRACE_SECONDS,
  answersChallenge = () => false,
}: RotationOptions = {}): RefreshRotation {
  const successors = new WeakMap<object, string>()

  const isRetry = (row: artifacts.Artifact) =>
    row.secondsSinceConsumed !== null &&
    row.secondsSinceConsumed < graceSeconds &&
    row.successorSealed !== null

  return {
    isRetry,
    async consume(db, token) {
      const request = currentRequest()
      const grantId = request.oidc.entities.Grant?.jti
      if (grantId !== undefined && answersChallenge(grantId))
        throw new errors.InvalidGrant('more scope has to be asked for')
      successors.set(request, await chooseSuccessor(db, token, isRetry))
    },
    attach({ RefreshToken: { prototype } }) {
      if (!choosesIdentifiers(prototype))
        throw new Error('oidc-provider no longer asks generateTokenId for a token')
      const generate = prototype.generateTokenId
      prototype.generateTokenId = function generateTokenId() {
        const request = currentRequest()
        const successor = successors.get(request)
        successors.delete(request)
        return successor ?? generate.call(this)
      }
    },
  }
}

async function chooseSuccessor(
  db: Database,
  token: string,
  isRetry: (row: artifacts.Artifact) => boolean,
): Promise<string> {
  const idHash = hashToken(token)
  const successor = randomBytes(32).toString('base64url')
  if (await artifacts.consumeOnce(db, MODEL, idHash, sealWithToken(token, successor))) return successor
  const spent = await artifacts.find(db, MODEL, idHash)
  const earlier =
    spent?.successorSealed && isRetry(spent) ? openWithToken(token, spent.successorSealed) : null
  if (earlier === null) throw new errors.InvalidGrant('refresh token already used')
  return earlier.toString()
}

function currentRequest(): KoaContextWithOIDC {
  const { ctx } = Provider
  if (!ctx) throw new Error('a refresh token is spent only inside a token request')
  return ctx
}

/** oidc-provider's models name themselves by this method; its published types leave it out. */
interface ChoosesIdentifiers {
  generateTokenId(): string
}

function choosesIdentifiers(prototype: object): prototype is ChoosesIdentifiers {
  return 'generateTokenId' in prototype && typeof prototype.generateTokenId === 'function'
}
