// Owns whose account an identity assertion is about: the person it was linked to, or who has the address, or a new one.

import type { Database } from '../../storage/database.ts'
import * as identities from '../../storage/identities.ts'
import * as users from '../../storage/users.ts'
import type { Assertion } from './id-jag.ts'
import type { TrustedIssuer } from './trusted-issuers.ts'

export interface Found {
  readonly user: users.User
  readonly isNew: boolean
}

/**
 * The person, who may be disabled; null when there is none and none may be made. By issuer and subject; by the address only
 * the first time, since addresses are given to other people and subjects are not.
 */
export async function accountOf(
  db: Database,
  issuer: TrustedIssuer,
  assertion: Assertion,
): Promise<Found | null> {
  const identity = { issuer: issuer.issuer, subject: assertion.sub }
  const linked = await identities.findUserId(db, identity)
  if (linked !== null) return found(db, linked, false)
  const first = await byAddress(db, issuer, assertion)
  return first && found(db, await identities.link(db, identity, first.user.id), first.isNew)
}

async function byAddress(db: Database, issuer: TrustedIssuer, assertion: Assertion): Promise<Found | null> {
  const { email, email_verified: isVerified = true, name = email } = assertion
  if (email === undefined || name === undefined || !isVerified || !speaksFor(issuer, email)) return null
  const existing = await existingUser(db, email)
  if (existing || !issuer.createUsers) return existing
  const { user } = await users.create(db, { email, name, passwordHash: null, role: 'member' })
  // None: somebody else made the account in the meantime.
  return user ? { user, isNew: true } : existingUser(db, email)
}

async function existingUser(db: Database, email: string): Promise<Found | null> {
  const user = await users.findByEmail(db, email)
  return user && { user, isNew: false }
}

/** Whole domains: `example.com` is neither `sub.example.com` nor `notexample.com`. */
function speaksFor({ emailDomains }: TrustedIssuer, email: string): boolean {
  const domain = users.emailKey(email).split('@').at(-1) ?? ''
  return email.includes('@') && (emailDomains.length === 0 || emailDomains.includes(domain))
}

async function found(db: Database, id: string, isNew: boolean): Promise<Found | null> {
  const user = await users.findById(db, id)
  return user && { user, isNew }
}
