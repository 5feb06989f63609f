// Owns the rotation of refresh tokens: a retry gets the same successor, a later reuse ends the family (RFC 9700 §4.14.2).

import { randomBytes } from 'node:crypto'
import { errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type * as artifacts from '../storage/artifacts.ts'
import { hashToken, type TokenHash } from '../storage/hash.ts'
import { openWithToken, sealWithToken } from '../storage/sealing.ts'
import type { Spending } from './spending.ts'
import type { StepUps } from './step-up.ts'

/** How long a client that lost our answer, or refreshed twice at once, may repeat the refresh. */
const REFRESH_GRACE_SECONDS = 30

const MODEL = 'RefreshToken'

export interface RotationOptions {
  readonly spending: Pick<Spending, 'spend'>
  /** The row as it is now. */
  readonly readAgain: (model: string, idHash: TokenHash) => Promise<artifacts.Artifact | null>
  readonly graceSeconds?: number
  /** Whether refreshing this grant is a client's answer to being told that it needs more scope (see step-up.ts). */
  readonly answersChallenge?: StepUps['answers']
}

export interface RefreshRotation {
  isRetry(row: artifacts.Artifact): boolean
  /** Notes the row of a token that the current request has presented. */
  found(row: artifacts.Artifact): void
  /**
   * Rotates the token for the current request. The first of any number of concurrent requests chooses the successor; every
   * other one within the grace window gets the same. Throws `invalid_grant` after it.
   */
  consume(token: string): Promise<void>
  /** Makes the refresh token that the current request saves next be the successor. */
  attach(provider: Provider): void
}

/** What the current request rotates. */
interface Rotation {
  readonly token: string
  readonly successor: string
  /** It was chosen and stored by an earlier request. */
  readonly isRetry: boolean
}

/**
 * The successor is stored beside the spent token, sealed under a key derived from that token: only who presents it again
 * can read it, so a copy of the database opens nothing.
 */
export function createRefreshRotation({
  spending,
  readAgain,
  graceSeconds = REFRESH_GRACE_SECONDS,
  answersChallenge = () => false,
}: RotationOptions): RefreshRotation {
  const presented = new WeakMap<object, artifacts.Artifact>()
  const rotations = new WeakMap<object, Rotation>()

  const isRetry = (row: artifacts.Artifact) =>
    row.secondsSinceConsumed !== null &&
    row.secondsSinceConsumed < graceSeconds &&
    row.successorSealed !== null

  /** What an earlier request chose, for who may repeat it. */
  const earlierSuccessor = (token: string, row: artifacts.Artifact | null | undefined) =>
    row?.successorSealed && isRetry(row)
      ? (openWithToken(token, row.successorSealed)?.toString() ?? null)
      : null

  return {
    isRetry,
    found(row) {
      if (Provider.ctx) presented.set(Provider.ctx, row)
    },
    async consume(token) {
      const request = currentRequest()
      const grant = request.oidc.entities.Grant
      if (grant !== undefined && answersChallenge(grant))
        throw new errors.InvalidGrant('more scope has to be asked for')
      const earlier = earlierSuccessor(token, presented.get(request))
      const successor = earlier ?? randomBytes(32).toString('base64url')
      rotations.set(request, { token, successor, isRetry: earlier !== null })
      if (earlier === null)
        await spending.spend({
          model: MODEL,
          idHash: hashToken(token),
          successorSealed: sealWithToken(token, successor),
        })
    },
    attach({ RefreshToken: { prototype } }) {
      const { save } = prototype
      prototype.save = async function saveSuccessor() {
        const request = currentRequest()
        const rotation = rotations.get(request)
        rotations.delete(request)
        if (!rotation) return save.call(this)
        this.jti = rotation.successor
        if (rotation.isRetry) return rotation.successor
        try {
          return await save.call(this)
        } catch (error) {
          // Somebody else was first, since we looked.
          const earlier = earlierSuccessor(rotation.token, await readAgain(MODEL, hashToken(rotation.token)))
          if (!(error instanceof errors.InvalidGrant) || earlier === null) throw error
          this.jti = earlier
          return earlier
        }
      }
    },
  }
}

function currentRequest(): KoaContextWithOIDC {
  const { ctx } = Provider
  if (!ctx) throw new Error('a refresh token is spent only inside a token request')
  return ctx
}
