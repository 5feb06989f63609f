// Owns the set-up page's work: the first administrator, made through a link that works once.

import type { FieldProblem } from '../http/interaction-view-data.ts'
import type { Audit } from '../ops/audit.ts'
import * as administrators from '../storage/administrators.ts'
import type { Database } from '../storage/database.ts'
import { hashToken } from '../storage/hash.ts'
import * as setupLinks from '../storage/setup-links.ts'
import type * as users from '../storage/users.ts'
import { nameFromEmail, newEmailProblem, newNameProblem } from './identity.ts'
import { newPasswordProblem } from './new-password.ts'
import type { Passwords } from './password.ts'

export interface SetupNeeds {
  readonly db: Database
  readonly passwords: Passwords
  readonly audit: Pick<Audit, 'administratorCreated'>
}

export interface SetupForm {
  readonly token: string
  readonly email: string
  /** Empty: taken from the address. */
  readonly name: string
  readonly password: string
  readonly passwordAgain: string
}

/** `closed`: there was an administrator already, and that is final. */
export type SetupState = 'open' | 'closed' | 'invalid link'

export type SetupOutcome =
  | { readonly kind: 'created'; readonly user: users.User }
  | { readonly kind: 'mistakes'; readonly problems: readonly FieldProblem[] }
  | { readonly kind: Exclude<SetupState, 'open'> | 'busy' }

export interface Setup {
  state(token: string): Promise<SetupState>
  /** Of any number of concurrent calls one creates an administrator. Only that one uses the link up. */
  createAdministrator(form: SetupForm): Promise<SetupOutcome>
}

export function createSetup({ db, passwords, audit }: SetupNeeds): Setup {
  const state = async (token: string): Promise<SetupState> => {
    // In this order: the administrator comes in the transaction that ends the links, so it is there when a link is gone.
    const isOpen = await setupLinks.isOpen(db, hashToken(token))
    if ((await administrators.countAdministrators(db)) > 0) return 'closed'
    return isOpen ? 'open' : 'invalid link'
  }

  return {
    state,
    async createAdministrator(form) {
      const now = await state(form.token)
      if (now !== 'open') return { kind: now }
      const problems = setupProblems(form)
      if (problems.length > 0) return { kind: 'mistakes', problems }
      const passwordHash = await passwords.hash(form.password)
      if (passwordHash === null) return { kind: 'busy' }

      const person = { email: form.email, name: form.name || nameFromEmail(form.email), passwordHash }
      const created = await administrators.createFirstAdministrator(db, person, hashToken(form.token))
      if (created.user === null) return refusals[created.refusal]
      audit.administratorCreated({ userId: created.user.id, by: 'setup link' })
      return { kind: 'created', user: created.user }
    },
  }
}

const refusals = {
  administrator_exists: { kind: 'closed' },
  setup_link_invalid: { kind: 'invalid link' },
  email_taken: {
    kind: 'mistakes',
    problems: [{ field: 'email', message: 'Somebody has this address already.' }],
  },
} as const

/** Pure: everything that has to be put right, at once. */
function setupProblems({ email, name, password, passwordAgain }: SetupForm): readonly FieldProblem[] {
  const checks: readonly [field: string, message: string | null][] = [
    ['email', newEmailProblem(email)],
    ['name', name === '' ? null : newNameProblem(name)],
    ['password', newPasswordProblem(password, email)],
    ['password_again', password === passwordAgain ? null : 'The two passwords are not the same.'],
  ]
  return checks.flatMap(([field, message]) => (message === null ? [] : [{ field, message }]))
}
