// Owns the people: who may sign in, and who not any more.

import { randomBytes } from 'node:crypto'
import { type Selectable, sql, type UpdateObject } from 'kysely'
import { emailKey } from '../oauth/email.ts'
import * as artifactEnds from './artifact-ends.ts'
import * as revocations from './revocations.ts'
import type { Database, Role, Tables, UserId } from './tables.ts'
import { inTransaction } from './transactions.ts'

export { emailKey } from '../oauth/email.ts'
export type { Role, UserId } from './tables.ts'

export interface User {
  readonly id: UserId
  readonly email: string
  readonly name: string
  /** Null: this person has no password. */
  readonly passwordHash: string | null
  readonly role: Role
  readonly disabledAt: Date | null
  readonly createdAt: Date
  readonly lastSignInAt: Date | null
  /** Sessions that began before this moment are over. */
  readonly signedOutAt: Date | null
  /** That the operator's policy may speak of; sorted. */
  readonly groups: readonly string[]
}

export interface NewUser {
  readonly email: string
  readonly name: string
  readonly passwordHash: string | null
}

export type Created<Refusal extends string> =
  | { readonly user: User; readonly refusal: null }
  | { readonly user: null; readonly refusal: Refusal }

const COLUMNS = [
  'id',
  'email',
  'email_key',
  'name',
  'password_hash',
  'role',
  'disabled_at',
  'created_at',
  'last_sign_in_at',
  'signed_out_at',
  'groups',
] as const

export function newUserId(): UserId {
  return `usr_${randomBytes(16).toString('base64url')}`
}

/** Of any number of concurrent calls with one address, one creates the user. */
export async function create(db: Database, user: NewUser & { role: Role }): Promise<Created<'email_taken'>> {
  const row = await db
    .insertInto('users')
    .values({
      id: newUserId(),
      email: user.email.trim(),
      email_key: emailKey(user.email),
      name: user.name,
      password_hash: user.passwordHash,
      role: user.role,
    })
    .onConflict((conflict) => conflict.column('email_key').doNothing())
    .returning(COLUMNS)
    .executeTakeFirst()
  return row ? { user: fromRow(row), refusal: null } : { user: null, refusal: 'email_taken' }
}

/** What a service account has instead of an address: no person can type it, and no provider can vouch for it. */
const SERVICE = 'service:'

export function serviceEmail(name: string): string {
  return SERVICE + name
}

/** The account of that name, made when there is none. It has no password and never gets one: only API keys act for it. */
export async function ensureService(db: Database, name: string): Promise<User> {
  const email = serviceEmail(name)
  const { user } = await create(db, { email, name, passwordHash: null, role: 'service' })
  const found = user ?? (await findByEmail(db, email))
  if (found?.role !== 'service') throw new Error(`There is another account called ${email}.`)
  return found
}

/** Also a disabled user; whoever signs somebody in looks at `disabledAt`. */
export async function findById(db: Database, id: string): Promise<User | null> {
  const row = await db.selectFrom('users').select(COLUMNS).where(sql<string>`id`, '=', id).executeTakeFirst()
  return row ? fromRow(row) : null
}

/** However the address is spelled. Also a disabled user. */
export async function findByEmail(db: Database, email: string): Promise<User | null> {
  const row = await db
    .selectFrom('users')
    .select(COLUMNS)
    .where('email_key', '=', emailKey(email))
    .executeTakeFirst()
  return row ? fromRow(row) : null
}

/** Oldest first. */
export async function list(db: Database): Promise<readonly User[]> {
  const rows = await db.selectFrom('users').select(COLUMNS).orderBy('created_at').orderBy('id').execute()
  return rows.map(fromRow)
}

/** False when there is no such user. */
export async function setPassword(db: Database, id: UserId, passwordHash: string): Promise<boolean> {
  return await update(db, id, { password_hash: passwordHash })
}

/**
 * Also ends everything that was issued to the user: sessions, grants, tokens. Keeps the moment of the first call. False when
 * there is no such user, or it was disabled already.
 */
export async function disable(db: Database, id: UserId): Promise<boolean> {
  return await inTransaction(db, async (transaction) => {
    const row = await transaction
      .updateTable('users')
      .set({ disabled_at: sql<Date>`now()` })
      .where('id', '=', id)
      .where('disabled_at', 'is', null)
      .returning('id')
      .executeTakeFirst()
    if (row === undefined) return false
    await artifactEnds.revokeByAccount(transaction, id)
    await revocations.revoke(transaction, 'account', id)
    return true
  })
}

/** What was issued before stays ended. False when there is no such user. */
export async function enable(db: Database, id: UserId): Promise<boolean> {
  return await inTransaction(db, async (transaction) => {
    await revocations.reinstate(transaction, 'account', id)
    return await update(transaction, id, { disabled_at: null })
  })
}

/** Ends every session that began before now, also one that a request under way would save again. */
export async function endSignIns(db: Database, id: UserId, now: Date): Promise<void> {
  await update(db, id, { signed_out_at: now })
}

export async function touchSignIn(db: Database, id: UserId): Promise<void> {
  await update(db, id, { last_sign_in_at: sql<Date>`now()` })
}

async function update(db: Database, id: UserId, changes: UpdateObject<Tables, 'users'>): Promise<boolean> {
  const row = await db
    .updateTable('users')
    .set(changes)
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

function fromRow(row: Selectable<Tables['users']>): User {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    passwordHash: row.password_hash,
    role: row.role,
    disabledAt: row.disabled_at,
    createdAt: row.created_at,
    lastSignInAt: row.last_sign_in_at,
    signedOutAt: row.signed_out_at,
    groups: row.groups,
  }
}
