// Owns the rule that the writes of one token request are one transaction, and what a client is told when the database is away.

import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Transactions } from '../storage/transactions.ts'
import { TOKEN_PATH } from './lookups.ts'
import type { Spending } from './spending.ts'

export interface OutageAnswer {
  /** Whether an error means that the database cannot be reached, rather than a mistake of ours. */
  isOutage(error: unknown): boolean
}

const RETRY_AFTER_SECONDS = 2

class RollBack extends Error {}

/**
 * What a token request writes happens together or not at all: a mistake in the rest of the request leaves nothing behind.
 * Most write a single statement (see spending.ts), and then no transaction begins. A refusal that revoked a grant commits:
 * what a replay ended stays ended.
 */
export function commitTokenRequests(
  provider: Provider,
  transactions: Transactions,
  { isUnsettled }: Pick<Spending, 'isUnsettled'>,
): void {
  const revoking = new WeakSet<object>()
  provider.on('grant.revoked', (ctx: KoaContextWithOIDC) => revoking.add(ctx))
  provider.use(async (ctx, next) => {
    if (ctx.method !== 'POST' || ctx.path !== TOKEN_PATH) return next()
    try {
      await transactions.runLazily(async () => {
        await next()
        if (ctx.status >= 400 && !revoking.has(ctx)) throw new RollBack()
        if (ctx.status < 400 && isUnsettled(ctx)) throw new Error('tokens for something that was not spent')
      })
    } catch (error) {
      if (!(error instanceof RollBack)) throw error
    }
  })
}

/** RFC 9110 §15.6.4: an outage is said to be one, with the time after which to try again, so that no client gives up. */
export function answerOutages(provider: Provider, { isOutage }: OutageAnswer): void {
  const outages = new WeakSet<object>()
  provider.on('server_error', (ctx: KoaContextWithOIDC, error: Error) => {
    if (isOutage(error)) outages.add(ctx)
  })
  provider.use(async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      if (!isOutage(error)) throw error
      outages.add(ctx)
    }
    if (!outages.has(ctx)) return
    ctx.status = 503
    ctx.set('Retry-After', String(RETRY_AFTER_SECONDS))
    ctx.body = {
      error: 'temporarily_unavailable',
      error_description: 'The service cannot be reached right now. Try again shortly.',
    }
  })
}
