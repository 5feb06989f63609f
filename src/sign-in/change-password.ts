// Owns changing one's own password: the old one is asked for, as often as at signing in.

import { addressGroup } from '../http/address-group.ts'
import type { FieldProblem } from '../http/interaction-view-data.ts'
import type { Audit } from '../ops/audit.ts'
import type { Database } from '../storage/database.ts'
import * as users from '../storage/users.ts'
import { newPasswordProblem } from './new-password.ts'
import { isTooLong, type Passwords } from './password.ts'
import type { Pseudonym } from './pseudonym.ts'
import type { Throttle } from './throttle.ts'

export interface PasswordChange {
  readonly password: string
  readonly newPassword: string
  readonly newPasswordAgain: string
  readonly ip: string
}

export type PasswordChangeOutcome =
  | { readonly kind: 'changed' }
  | { readonly kind: 'mistakes'; readonly problems: readonly FieldProblem[] }
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'busy' }

export interface ChangePasswordNeeds {
  readonly db: Database
  readonly passwords: Passwords
  readonly throttle: Throttle
  readonly pseudonym: Pseudonym
  readonly audit: Pick<Audit, 'passwordChanged' | 'signInFailed' | 'signInThrottled'>
}

export type ChangePassword = (user: users.User, change: PasswordChange) => Promise<PasswordChangeOutcome>

export function createChangePassword(needs: ChangePasswordNeeds): ChangePassword {
  const { db, passwords, throttle, pseudonym, audit } = needs

  return async (user, change) => {
    const problems = passwordProblems(change, user.email)
    if (problems.length > 0) return { kind: 'mistakes', problems }

    const account = pseudonym('account', users.emailKey(user.email))
    const address = pseudonym('address', addressGroup(change.ip))
    const admission = await throttle.admit({ account, address, browser: null })
    if (admission.kind === 'wait') {
      audit.signInThrottled({ ip: change.ip, seconds: admission.seconds })
      return admission
    }
    const verdict = await passwords.verify(change.password, user.passwordHash)
    if (verdict === 'mismatch') {
      audit.signInFailed({ userId: user.id, ip: change.ip, reason: 'wrong password at a change of it' })
      return { kind: 'mistakes', problems: [WRONG_PASSWORD] }
    }
    const hash = verdict === 'busy' ? null : await passwords.hash(change.newPassword)
    if (hash === null) {
      await admission.unjudged()
      return { kind: 'busy' }
    }
    await admission.succeeded()
    await users.setPassword(db, user.id, hash)
    audit.passwordChanged({ userId: user.id, ip: change.ip })
    return { kind: 'changed' }
  }
}

const WRONG_PASSWORD: FieldProblem = { field: 'password', message: 'This is not your password.' }

/** Pure: everything that can be said without looking at the old password. */
function passwordProblems(
  { password, newPassword, newPasswordAgain }: PasswordChange,
  email: string,
): readonly FieldProblem[] {
  const checks: readonly [field: string, message: string | null][] = [
    ['password', password === '' || isTooLong(password) ? 'Enter the password you have now.' : null],
    ['new_password', newPasswordProblem(newPassword, email)],
    ['new_password_again', newPassword === newPasswordAgain ? null : 'The two passwords are not the same.'],
  ]
  return checks.flatMap(([field, message]) => (message === null ? [] : [{ field, message }]))
}
