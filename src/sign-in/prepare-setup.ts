// Owns the first administrator at the start of the process: from the configuration, or the link that makes one.

import { randomBytes } from 'node:crypto'
import * as administrators from '../storage/administrators.ts'
import { hashToken } from '../storage/hash.ts'
import * as setupLinks from '../storage/setup-links.ts'
import { nameFromEmail, newEmailProblem } from './identity.ts'
import { newPasswordProblem } from './new-password.ts'
import type { SetupNeeds } from './setup.ts'

const SETUP_LINK_TTL_SECONDS = 24 * 60 * 60

/** A start that cannot go on before the operator has put something right. */
export class SetupError extends Error {
  override readonly name = 'SetupError'
}

export interface ConfiguredAdministrator {
  readonly email: string
  readonly password: string
}

export interface PrepareNeeds extends SetupNeeds {
  readonly publicUrl: string
  /** ADMIN_EMAIL and ADMIN_PASSWORD; null when they are not set. */
  readonly admin: ConfiguredAdministrator | null
  readonly log: (line: string) => void
}

/** `link`: open it to make the first administrator. It works once, for a day. */
export type Prepared = { readonly kind: 'ready' } | { readonly kind: 'link'; readonly url: string }

/** At every start, on any number of replicas at once. Throws SetupError when the configured administrator cannot be made. */
export async function prepareSetup(needs: PrepareNeeds): Promise<Prepared> {
  const { db, admin, publicUrl, log } = needs
  if ((await administrators.countAdministrators(db)) > 0) {
    if (admin) log('There is an administrator already: ADMIN_EMAIL and ADMIN_PASSWORD change nothing.')
    return { kind: 'ready' }
  }
  if (admin) {
    await createConfigured(needs, admin)
    return { kind: 'ready' }
  }
  const token = randomBytes(32).toString('base64url')
  await setupLinks.create(db, hashToken(token), SETUP_LINK_TTL_SECONDS)
  return { kind: 'link', url: `${publicUrl}/setup?token=${token}` }
}

async function createConfigured(
  needs: PrepareNeeds,
  { email, password }: ConfiguredAdministrator,
): Promise<void> {
  refuse('ADMIN_EMAIL', newEmailProblem(email))
  refuse('ADMIN_PASSWORD', newPasswordProblem(password, email))
  const passwordHash = await needs.passwords.hash(password)
  if (passwordHash === null) throw new SetupError('Too many passwords are being hashed.')

  const person = { email, name: nameFromEmail(email), passwordHash }
  const { user, refusal } = await administrators.createFirstAdministrator(needs.db, person, null)
  refuse(
    'ADMIN_EMAIL',
    refusal === 'email_taken' ? 'Somebody who is no administrator has this address.' : null,
  )
  // Null: another replica, with the same configuration, was faster.
  if (user === null) return
  needs.audit.administratorCreated({ userId: user.id, by: 'environment' })
  needs.log('Created the administrator of ADMIN_EMAIL.')
}

function refuse(variable: string, problem: string | null): void {
  if (problem !== null) throw new SetupError(`${variable}: ${problem}`)
}
