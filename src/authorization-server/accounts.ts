// Owns what clients learn about a person (OpenID Connect Core §5.1).

import type { FindAccount } from 'oidc-provider'
import type { Transactions } from '../storage/transactions.ts'
import * as users from '../storage/users.ts'
import type { Lookups } from './lookups.ts'
import { isOver } from './sessions.ts'

/** A disabled person is as good as gone: no code, no refresh, no claims. So is, for a browser, whose session is over. */
export function createFindAccount(lookups: Lookups): FindAccount {
  return async (ctx, id) => {
    const user = await lookups.person(id)
    if (!user || user.disabledAt) return undefined
    const { session } = ctx.oidc
    if (session?.accountId === id && isOver(session, user)) return undefined
    const claims = { sub: user.id, name: user.name, email: user.email, email_verified: false }
    return { accountId: user.id, claims: async () => claims }
  }
}

export function createIsEnabled(transactions: Transactions): (userId: string) => Promise<boolean> {
  return async (userId) => {
    const user = await users.findById(transactions.current(), userId)
    return user !== null && user.disabledAt === null
  }
}
