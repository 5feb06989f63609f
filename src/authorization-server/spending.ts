// Owns the moment at which a code or a token is spent: together with storing what is issued for it, or not at all.

import { type Client, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { NewArtifact } from '../storage/artifact-row.ts'
import * as artifactUses from '../storage/artifact-uses.ts'
import type { Transactions } from '../storage/transactions.ts'
import { TOKEN_PATH } from './lookups.ts'

export interface Spending {
  /**
   * Notes that the current request spends it. It is written by `issue`; at once when nothing will be issued that is
   * stored. Throws `invalid_grant` when it is too late already.
   */
  spend(spent: artifactUses.Spent): Promise<void>
  /**
   * Stores a refresh token and spends what it is issued for, in one statement: a crash leaves both done or neither. Only
   * one of any number of concurrent requests gets so far; the others throw `invalid_grant`, and nothing is stored.
   */
  issue(token: NewArtifact): Promise<void>
  /** Whether the request is about to answer without having written what it spends. */
  isUnsettled(request: object): boolean
}

/** For every client that registered the grant type, whatever scopes it asks for. */
export function getsRefreshToken(client: Client): boolean {
  return client.grantTypeAllowed('refresh_token')
}

export function createSpending(transactions: Transactions): Spending {
  const unsettled = new WeakMap<object, artifactUses.Spent>()
  return {
    async spend(spent) {
      const request = currentRequest()
      if (willIssue(request)) return void unsettled.set(request, spent)
      const { model, idHash } = spent
      if (!(await artifactUses.consumeOnce(await transactions.forWriting(), model, idHash))) throw tooLate()
    },
    async issue(token) {
      const request = currentRequest()
      const spent = unsettled.get(request)
      unsettled.delete(request)
      const issued = spent
        ? await artifactUses.replaceOnce(transactions.current(), spent, token)
        : await artifactUses.insertOnce(await transactions.forWriting(), token)
      if (!issued) throw tooLate()
    },
    isUnsettled: (request) => unsettled.has(request),
  }
}

/** Pushed authorization requests are spent too, elsewhere, and lead to nothing that is stored. */
function willIssue({ path, oidc }: KoaContextWithOIDC): boolean {
  return path === TOKEN_PATH && oidc.client !== undefined && getsRefreshToken(oidc.client)
}

function tooLate(): errors.InvalidGrant {
  return new errors.InvalidGrant('it was used before')
}

function currentRequest(): KoaContextWithOIDC {
  const { ctx } = Provider
  if (!ctx) throw new Error('nothing is spent or issued outside of a request')
  return ctx
}
