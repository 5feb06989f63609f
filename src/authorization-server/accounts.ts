// Owns what clients learn about a person (OpenID Connect Core §5.1).

import type { FindAccount } from 'oidc-provider'
import type { Transactions } from '../storage/transactions.ts'
import * as users from '../storage/users.ts'

/** A disabled person is as good as gone: no code, no refresh, no claims. */
export function createFindAccount(transactions: Transactions): FindAccount {
  return async (_ctx, id) => {
    const user = await users.findById(transactions.current(), id)
    if (!user || user.disabledAt) return undefined
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
