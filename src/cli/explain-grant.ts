// Owns what `gatehouse explain` takes an app to have: what a person allowed it, what its key has, or what was typed.

import { fullScope, parseScope, upstreamOf } from '../oauth/scope.ts'
import * as apiKeys from '../storage/api-keys.ts'
import * as consents from '../storage/consents.ts'
import type { Database } from '../storage/database.ts'
import type { User } from '../storage/users.ts'

export interface Granted {
  readonly clientId: string
  readonly scopes: ReadonlySet<string>
  /** Seconds since the epoch; null where nobody was asked. */
  readonly consentedAt: number | null
  /** Where that comes from, for people. */
  readonly origin: string
}

export async function grantedTo(
  db: Database,
  user: User,
  { name }: { readonly name: string },
  { client: clientId = '', scopes }: { readonly client?: string; readonly scopes?: string },
): Promise<Granted> {
  if (scopes !== undefined)
    return {
      clientId,
      scopes: parseScope(scopes),
      consentedAt: null,
      origin: 'The scopes are the ones given.',
    }
  const key = (await apiKeys.listOf(db, user.id)).find(({ id }) => id === clientId)
  if (key)
    return {
      clientId,
      scopes: key.scopes,
      consentedAt: null,
      origin: `The scopes are those of the key "${key.name}".`,
    }
  const agreed = await consentTo(db, user, clientId, name)
  if (agreed) return agreed
  const origin =
    clientId === ''
      ? 'The app is taken to have the scope for everything; --client or --scopes says otherwise.'
      : 'No consent to this app is remembered, so it is taken to have the scope for everything.'
  return { clientId, scopes: new Set([fullScope(name)]), consentedAt: null, origin }
}

/** The newest, because an app that connects again replaces what it had. */
async function consentTo(
  db: Database,
  user: User,
  clientId: string,
  upstream: string,
): Promise<Granted | null> {
  const given = await consents.list(db, user.id)
  const found = given.find(
    (each) => each.clientId === clientId && [...each.scopes].some((scope) => upstreamOf(scope) === upstream),
  )
  if (!found) return null
  const consentedAt = Math.floor(found.grantedAt.getTime() / 1000)
  const origin = `The scopes are what was allowed to this app on ${found.grantedAt.toISOString().slice(0, 10)}.`
  return { clientId, scopes: found.scopes, consentedAt, origin }
}
