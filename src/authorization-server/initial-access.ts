// Owns who may register when REGISTRATION is `token` (RFC 7591 §3): holders of a configured token, or of one made by command.

import { timingSafeEqual } from 'node:crypto'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import { OAuthError } from '../oauth/errors.ts'
import { hashToken } from '../storage/hash.ts'
import * as tokens from '../storage/initial-access-tokens.ts'
import type { Transactions } from '../storage/transactions.ts'

export interface InitialAccess {
  /** Throws a 401 when the request may not register. Takes nothing yet. */
  admit(authorization: string | undefined): Promise<void>
  /** Makes a registration and taking a use of its token one transaction, so that a refused one costs no use. */
  attach(provider: Provider): void
}

const DESCRIPTION = 'Registering a client here needs an initial access token.'

class RollBack extends Error {}

/** `configured`: good for any number of clients, besides those in the database. */
export function createInitialAccess(
  transactions: Transactions,
  configured: readonly string[],
): InitialAccess {
  const hashes = configured.map((token) => Buffer.from(hashToken(token)))

  const isConfigured = (token: string) => {
    const presented = Buffer.from(hashToken(token))
    return hashes.some((hash) => timingSafeEqual(hash, presented))
  }

  return {
    async admit(authorization) {
      const token = bearerOf(authorization)
      if (token !== null && (isConfigured(token) || (await tokens.isOpen(transactions.current(), token))))
        return
      throw new OAuthError('invalid_token', DESCRIPTION, { status: 401 })
    },

    attach(provider) {
      provider.use(async (ctx, next) => {
        if (ctx.method !== 'POST' || ctx.path !== '/register') return next()
        const token = bearerOf(ctx.get('authorization'))
        if (token === null || isConfigured(token)) return next()
        await transactions
          .run(async () => {
            // Another registration may have had the last use of it since it was admitted.
            if (!(await tokens.take(transactions.current(), token))) return refuse(ctx)
            await next()
            if (ctx.status >= 400) throw new RollBack()
          })
          .catch((error: unknown) => {
            if (!(error instanceof RollBack)) throw error
          })
      })
    },
  }
}

function refuse(ctx: Pick<KoaContextWithOIDC, 'status' | 'body' | 'set'>): void {
  ctx.status = 401
  ctx.set('WWW-Authenticate', 'Bearer realm="registration"')
  ctx.body = new OAuthError('invalid_token', DESCRIPTION).toJSON()
}

function bearerOf(authorization: string | undefined): string | null {
  const [scheme, token] = (authorization ?? '').split(' ')
  return scheme?.toLowerCase() === 'bearer' && token ? token : null
}
