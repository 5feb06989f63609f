// Owns what clients learn about a person (OpenID Connect Core §5.1).

import type { FindAccount, KoaContextWithOIDC } from 'oidc-provider'
import type { Member } from '../oauth/policy.ts'
import type { Transactions } from '../storage/transactions.ts'
import * as users from '../storage/users.ts'
import type { Lookups } from './lookups.ts'
import { isOver } from './sessions.ts'

/** Whom an account is of, so that a token request need not ask twice. */
const members = new WeakMap<object, Member>()

/** A disabled person is as good as gone: no code, no refresh, no claims. So is, for a browser, whose session is over. */
export function createFindAccount(lookups: Lookups): FindAccount {
  return async (ctx, id) => {
    const user = await lookups.person(id)
    if (!user || user.disabledAt) return undefined
    const { session } = ctx.oidc
    if (session?.accountId === id && isOver(session, user)) return undefined
    const claims = { sub: user.id, name: user.name, email: user.email, email_verified: false }
    const account = { accountId: user.id, claims: async () => claims }
    members.set(account, user)
    return account
  }
}

/** What the policy may speak of, of the person that a token is issued for. */
export function createGroupsAt(
  lookups: Lookups,
  groupsOf: (member: Member) => readonly string[],
): (ctx: KoaContextWithOIDC, userId: string) => Promise<readonly string[]> {
  return async ({ oidc }, userId) => {
    const account = oidc.entities.Account
    const known = account?.accountId === userId ? members.get(account) : undefined
    const member = known ?? (await lookups.person(userId))
    return member ? groupsOf(member) : []
  }
}

export function createIsEnabled(transactions: Transactions): (userId: string) => Promise<boolean> {
  return async (userId) => {
    const user = await users.findById(transactions.current(), userId)
    return user !== null && user.disabledAt === null
  }
}
