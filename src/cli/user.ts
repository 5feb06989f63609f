// Owns `gatehouse user`: the people of this installation.

import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { nameFromEmail, newEmailProblem } from '../sign-in/identity.ts'
import { newPasswordProblem } from '../sign-in/new-password.ts'
import { createPasswords } from '../sign-in/password.ts'
import type { Database } from '../storage/database.ts'
import * as users from '../storage/users.ts'
import { withDatabase } from './database.ts'
import { print, printList } from './output.ts'
import { record } from './record.ts'
import type { Command } from './types.ts'
import { changeGroup, existing } from './user-group.ts'

const OPTIONS = {
  name: { type: 'string' },
  admin: { type: 'boolean' },
  'password-stdin': { type: 'boolean' },
  now: { type: 'boolean' },
  json: { type: 'boolean' },
} as const

const USAGE =
  'Say `gatehouse user create`, `disable` or `enable` with one EMAIL, `gatehouse user list`, or `gatehouse user group`.'

/** Of one person. */
const ACTIONS: Readonly<
  Record<string, (db: Database, email: string, options: CreateOptions) => Promise<void>>
> = { create, disable, enable }

export const userCommand: Command = {
  summary: 'Create, list, disable and enable people',
  usage: `Usage: gatehouse user create EMAIL [--name NAME] [--admin] [--password-stdin] [--json]
       gatehouse user list [--json]
       gatehouse user disable EMAIL [--json]
       gatehouse user enable EMAIL [--json]
       gatehouse user group add|remove EMAIL GROUP [--now] [--json]

Without --password-stdin a password is made up and printed once. Who is disabled is signed out everywhere, and each app that
was connected has to be connected again after enabling. It takes effect within a second. Groups are what the rules of POLICY
speak of; joining and leaving takes effect with the next access token of each app (ACCESS_TOKEN_TTL), or with --now within a
second: then the apps fetch new tokens by themselves. With the embedded database, stop the service first.`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
      strict: true,
    })
    const [action = '', email, ...more] = positionals
    if (action === 'group') return withDatabase(({ db }) => changeGroup(db, positionals.slice(1), values))
    if (action === 'list' && email === undefined) return withDatabase(({ db }) => list(db, values.json))
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined
    if (!act || !email || more.length > 0) throw new Error(USAGE)
    await withDatabase(({ db }) => act(db, email, values))
  },
}

interface CreateOptions {
  readonly name?: string
  readonly admin?: boolean
  readonly json?: boolean
  readonly 'password-stdin'?: boolean
}

async function create(db: Database, email: string, options: CreateOptions): Promise<void> {
  const given = options['password-stdin'] ? (await text(process.stdin)).replace(/\r?\n$/, '') : null
  const password = given ?? randomBytes(12).toString('base64url')
  const problem = newEmailProblem(email) ?? newPasswordProblem(password, email)
  if (problem) throw new Error(problem)

  const passwordHash = await (await createPasswords()).hash(password)
  const role = options.admin ? 'admin' : 'member'
  const { user } = await users.create(db, {
    email,
    name: options.name ?? nameFromEmail(email),
    passwordHash,
    role,
  })
  if (user === null) throw new Error(`There is somebody with the address ${email} already.`)

  await record(db, 'user.created', { userId: user.id, role })
  const made = { id: user.id, email: user.email, role, ...(given === null ? { password } : {}) }
  print(made, options.json, [
    `Created ${user.email} (${role}).${given === null ? ` The password is ${password}` : ''}`,
  ])
}

async function list(db: Database, json: boolean | undefined): Promise<void> {
  const people = (await users.list(db)).map(({ passwordHash: _hidden, ...person }) => person)
  const rows = people.map(({ email, name, role, disabledAt, groups }) => [
    email,
    name,
    role,
    disabledAt ? 'disabled' : '',
    groups.join(' '),
  ])
  printList(people, json, rows, 'There is nobody yet: gatehouse user create EMAIL --admin.')
}

async function disable(db: Database, email: string, { json }: CreateOptions): Promise<void> {
  const user = await existing(db, email)
  const done = await users.disable(db, user.id)
  if (done) await record(db, 'user.disabled', { userId: user.id })
  print({ id: user.id, disabled: true }, json, [`${user.email} ${done ? 'is' : 'was already'} disabled.`])
}

async function enable(db: Database, email: string, { json }: CreateOptions): Promise<void> {
  const user = await existing(db, email)
  await users.enable(db, user.id)
  if (user.disabledAt !== null) await record(db, 'user.enabled', { userId: user.id })
  print({ id: user.id, disabled: false }, json, [`${user.email} may sign in.`])
}
