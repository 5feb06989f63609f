// Owns `gatehouse user`: the people of this installation.

import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { loadConfig } from '../config/config.ts'
import { readEnvironment } from '../config/env.ts'
import { nameFromEmail, newEmailProblem } from '../sign-in/identity.ts'
import { newPasswordProblem } from '../sign-in/new-password.ts'
import { createPasswords } from '../sign-in/password.ts'
import { type Database, openDatabase } from '../storage/database.ts'
import { migrateToLatest } from '../storage/migrate.ts'
import * as users from '../storage/users.ts'
import type { Command } from './types.ts'

const OPTIONS = {
  name: { type: 'string' },
  admin: { type: 'boolean' },
  'password-stdin': { type: 'boolean' },
  json: { type: 'boolean' },
} as const

export const userCommand: Command = {
  summary: 'Create and list people',
  usage: `Usage: gatehouse user create EMAIL [--name NAME] [--admin] [--password-stdin] [--json]
       gatehouse user list [--json]

Without --password-stdin a password is made up and printed once. With the embedded database, stop the service first.`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
      strict: true,
    })
    const [action, email] = positionals
    if (action === 'list') return withDatabase((db) => list(db, values.json === true))
    if (action === 'create' && email) return withDatabase((db) => create(db, email, values))
    throw new Error('Say `gatehouse user create EMAIL` or `gatehouse user list`.')
  },
}

async function withDatabase(act: (db: Database) => Promise<void>): Promise<void> {
  const { db, close } = await openDatabase(loadConfig(readEnvironment()).database)
  try {
    await migrateToLatest(db)
    await act(db)
  } finally {
    await close()
  }
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

  const made = { id: user.id, email: user.email, role, ...(given === null ? { password } : {}) }
  print(
    made,
    options.json === true,
    `Created ${user.email} (${role}).${given === null ? ` The password is ${password}` : ''}`,
  )
}

async function list(db: Database, json: boolean): Promise<void> {
  const people = (await users.list(db)).map(({ passwordHash: _hidden, ...person }) => person)
  print(
    people,
    json,
    people
      .map(({ email, name, role, disabledAt }) =>
        [email, name, role, disabledAt ? 'disabled' : ''].join('\t'),
      )
      .join('\n'),
  )
}

function print(value: unknown, json: boolean, lines: string): void {
  process.stdout.write(`${json ? JSON.stringify(value) : lines}\n`)
}
