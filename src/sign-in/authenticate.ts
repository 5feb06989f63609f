// Owns signing in with a password: who it is, or one of the three answers that say nothing about who exists.

import { addressGroup } from '../http/address-group.ts'
import type { Audit } from '../ops/audit.ts'
import type { Database } from '../storage/database.ts'
import * as users from '../storage/users.ts'
import type { KnownBrowsers } from './known-browser.ts'
import type { Passwords, Verdict } from './password.ts'
import type { Pseudonym } from './pseudonym.ts'
import type { Throttle } from './throttle.ts'

export interface PasswordAttempt {
  readonly email: string
  readonly password: string
  readonly ip: string
  /** The browser's cookie, as it came. */
  readonly knownBrowser: string | undefined
}

export type SignInOutcome =
  /** `knownBrowser`: the cookie to set. */
  | { readonly kind: 'signed-in'; readonly user: users.User; readonly knownBrowser: string }
  /** Unknown, disabled, without a password, or not the right one: nobody outside learns which. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'busy' }

export interface SignIn {
  signInWithPassword(attempt: PasswordAttempt): Promise<SignInOutcome>
}

export interface SignInNeeds {
  readonly db: Database
  readonly passwords: Passwords
  readonly throttle: Throttle
  readonly knownBrowsers: KnownBrowsers
  readonly pseudonym: Pseudonym
  readonly audit: Pick<Audit, 'signInSucceeded' | 'signInFailed' | 'signInThrottled'>
}

export function createSignIn(needs: SignInNeeds): SignIn {
  const { db, passwords, throttle, knownBrowsers, pseudonym, audit } = needs

  return {
    async signInWithPassword({ email, password, ip, knownBrowser }) {
      const account = pseudonym('account', users.emailKey(email))
      const address = pseudonym('address', addressGroup(ip))
      const browser = knownBrowsers.recognise(knownBrowser, account)

      const admission = await throttle.admit({ account, address, browser })
      if (admission.kind === 'wait') {
        audit.signInThrottled({ ip, seconds: admission.seconds })
        return admission
      }

      const user = await users.findByEmail(db, email)
      const verdict = await passwords.verify(password, hashToCheck(user))
      const decision = decide(user, verdict)
      if (decision.kind === 'busy') {
        await admission.unjudged()
        return decision
      }
      if (decision.kind === 'refused') {
        audit.signInFailed({ userId: user?.id ?? null, ip, reason: decision.reason })
        return { kind: 'refused' }
      }

      await admission.succeeded()
      if (verdict === 'outdated match') await rehash(needs, decision.user, password)
      await users.touchSignIn(db, decision.user.id)
      audit.signInSucceeded({ userId: decision.user.id, ip })
      return { ...decision, knownBrowser: knownBrowsers.remember(knownBrowser, account) }
    },
  }
}

/** Null for whoever may not sign in with a password: the check then does the same work and never succeeds. */
function hashToCheck(user: users.User | null): string | null {
  return user === null || user.disabledAt !== null ? null : user.passwordHash
}

export type Decision =
  | { readonly kind: 'signed-in'; readonly user: users.User }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'busy' }

/** Pure. The reason is for the audit log only. */
function decide(user: users.User | null, verdict: Verdict): Decision {
  if (verdict === 'busy') return { kind: 'busy' }
  if (user === null) return { kind: 'refused', reason: 'unknown person' }
  if (user.disabledAt !== null) return { kind: 'refused', reason: 'disabled' }
  if (user.passwordHash === null) return { kind: 'refused', reason: 'no password' }
  if (verdict === 'mismatch') return { kind: 'refused', reason: 'wrong password' }
  return { kind: 'signed-in', user }
}

/** Only while the hash is still the one that was checked: a password changed meanwhile must not come back. */
async function rehash({ db, passwords }: SignInNeeds, user: users.User, password: string): Promise<void> {
  const hash = await passwords.hash(password)
  const current = await users.findById(db, user.id)
  if (hash === null || current?.passwordHash !== user.passwordHash) return
  await users.setPassword(db, user.id, hash)
}
