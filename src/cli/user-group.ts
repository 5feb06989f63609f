// Owns `gatehouse user group`: who belongs to which of the groups that the operator's policy speaks of.

import { GROUP_NAME } from '../oauth/policy.ts'
import type { Database } from '../storage/database.ts'
import * as userGroups from '../storage/user-groups.ts'
import * as users from '../storage/users.ts'
import { print } from './output.ts'
import { record } from './record.ts'

export interface GroupOptions {
  readonly now?: boolean
  readonly json?: boolean
}

/** Each name is in every access token of the person, which has to stay small. */
const MOST_GROUPS = 50
const USAGE = 'Say `gatehouse user group add` or `remove` with an EMAIL and a GROUP.'

export async function changeGroup(
  db: Database,
  [action, email = '', group = '', ...more]: readonly string[],
  { now = false, json }: GroupOptions,
): Promise<void> {
  const isKnown = action === 'add' || action === 'remove'
  if (!isKnown || email === '' || group === '' || more.length > 0) throw new Error(USAGE)
  if (!GROUP_NAME.test(group))
    throw new Error('A group is named by 1 to 64 lower-case letters, digits, dots, underscores and hyphens.')
  const user = await existing(db, email)
  if (action === 'add' && user.groups.length >= MOST_GROUPS)
    throw new Error(`${user.email} is in ${user.groups.length} groups, and ${MOST_GROUPS} is the most.`)
  const change = action === 'add' ? userGroups.joinGroup : userGroups.leaveGroup
  const changed = await change(db, user.id, group, now)
  if (changed) await record(db, action === 'add' ? 'group.joined' : 'group.left', { userId: user.id, group })
  const { groups } = await existing(db, email)
  print({ id: user.id, email: user.email, groups, changed }, json, [
    `${user.email} ${changed ? 'is' : 'was'} ${action === 'add' ? 'in' : 'not in'} ${group}${changed ? ' now' : ' already'}.`,
  ])
}

/** Throws an error that says so when there is nobody with this address. */
export async function existing(db: Database, email: string): Promise<users.User> {
  const user = await users.findByEmail(db, email)
  if (user === null) throw new Error(`There is nobody with the address ${email}.`)
  return user
}
