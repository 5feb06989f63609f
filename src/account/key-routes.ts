// Owns the forms of the account page that make and revoke a person's API keys.

import type { FastifyReply } from 'fastify'
import { storedNameIn } from '../http/csrf.ts'
import type { FieldProblem } from '../http/interaction-view-data.ts'
import type { Pages } from '../http/pages.ts'
import type { Audit } from '../ops/audit.ts'
import type { ApiKey } from '../storage/api-keys.ts'
import type { UserId } from '../storage/tables.ts'
import { type KeyForm, type KeyOffer, readNewKey, type TypedKey } from './new-key.ts'
import { ACCOUNT_PATH } from './paths.ts'

export interface KeyNeeds {
  readonly keys: {
    listOf(userId: UserId): Promise<readonly ApiKey[]>
    create(
      key: TypedKey & { readonly userId: UserId },
    ): Promise<{ readonly key: string; readonly stored: ApiKey }>
    /** Null when this person has no such key that is good. */
    revoke(id: string, userId: UserId): Promise<ApiKey | null>
  }
  /** What can be opened at this moment. */
  readonly keyOffers: () => readonly KeyOffer[]
  readonly pages: Pages
  readonly audit: Pick<Audit, 'apiKeyCreated' | 'apiKeyRevoked'>
}

export type KeyOutcome =
  | { readonly problems: readonly FieldProblem[]; readonly form: KeyForm }
  | { readonly answer: FastifyReply }

/** The key is in this one answer and nowhere else. */
export async function createKey(
  body: unknown,
  reply: FastifyReply,
  userId: UserId,
  { keys, keyOffers, pages, audit }: KeyNeeds,
): Promise<KeyOutcome> {
  const read = readNewKey(body, keyOffers())
  if (read.kind === 'mistakes') return { problems: read.problems, form: read.form }
  const { key, stored } = await keys.create({ ...read.key, userId })
  audit.apiKeyCreated({ userId, keyId: stored.id, scopes: [...stored.scopes].join(' ') })
  const answer = await pages.render(reply, 'api-key', { key, name: stored.name, back: ACCOUNT_PATH })
  return { answer }
}

export async function revokeKey(body: unknown, userId: UserId, { keys, audit }: KeyNeeds): Promise<void> {
  const revoked = await keys.revoke(storedNameIn(body, 'key'), userId)
  if (revoked) audit.apiKeyRevoked({ userId, keyId: revoked.id })
}
