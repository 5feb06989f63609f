// Owns `gatehouse key`: API keys, for scripts and CI.

import { parseArgs } from 'node:util'
import * as apiKeys from '../storage/api-keys.ts'
import type { Database } from '../storage/database.ts'
import * as users from '../storage/users.ts'
import { durationOf, required, scopesOf } from './arguments.ts'
import { type Opened, withDatabase } from './database.ts'
import { moment, print, printList } from './output.ts'
import { record } from './record.ts'
import type { Command } from './types.ts'

const OPTIONS = {
  user: { type: 'string' },
  service: { type: 'string' },
  name: { type: 'string' },
  scope: { type: 'string', multiple: true },
  expires: { type: 'string', default: '90d' },
  json: { type: 'boolean' },
} as const

const SERVICE_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

export const keyCommand: Command = {
  summary: 'Create, list and revoke API keys',
  usage: `Usage: gatehouse key create (--user EMAIL | --service NAME) --name NAME --scope SCOPE... [--expires 90d|never] [--json]
       gatehouse key list [--user EMAIL | --service NAME] [--json]
       gatehouse key revoke ID [--json]

A key is a bearer token for /mcp that needs no sign-in: \`Authorization: Bearer gh_…\`. It acts for a person, or for a service
account, which is made when there is none of that name; nobody can sign in as one. A scope is an upstream, such as notes, or what
only reads there, such as notes:read. A key is shown once, and lasts 90 days unless it says otherwise.
With the embedded database, stop the service first.`,
  async run(args) {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
    const [action, id, ...more] = positionals
    if (action === 'create' && !id) return withDatabase((opened) => create(opened, values))
    if (action === 'list' && !id) return withDatabase(({ db }) => list(db, values))
    if (action === 'revoke' && id && more.length === 0)
      return withDatabase(({ db }) => revoke(db, id, values.json))
    throw new Error('Say `gatehouse key create`, `list`, or `revoke ID`; see --help.')
  },
}

interface Typed {
  readonly user?: string
  readonly service?: string
  readonly name?: string
  readonly scope?: readonly string[]
  readonly expires: string
  readonly json?: boolean
}

async function create({ db, config }: Opened, typed: Typed): Promise<void> {
  const name = required(typed.name, '--name')
  const scopes = scopesOf(typed.scope ?? [], config)
  if (scopes.size === 0) throw new Error('--scope is missing: a key opens only what it names.')
  const expiresInSeconds = durationOf(typed.expires)
  const holder = await holderOf(db, typed)
  const { key, stored } = await apiKeys.create(db, { name, userId: holder.id, scopes, expiresInSeconds })
  const event = { userId: holder.id, keyId: stored.id, scopes: [...scopes].join(' ') }
  await record(db, 'api_key.created', event)
  print({ key, ...shown(stored), user: holder.email }, typed.json, [
    `Created the key "${stored.name}" (${stored.id}) of ${holder.email}; it expires: ${moment(stored.expiresAt)}.`,
    '',
    `  ${key}`,
    '  (shown once; keep it now)',
  ])
}

async function holderOf(db: Database, { user, service }: Typed): Promise<users.User> {
  if ((user === undefined) === (service === undefined))
    throw new Error('Say whose key it is: --user EMAIL or --service NAME.')
  if (service !== undefined) {
    if (!SERVICE_NAME.test(service))
      throw new Error('--service is lower-case letters, digits and ._- (64 at most).')
    return users.ensureService(db, service)
  }
  const found = await findPerson(db, user ?? '')
  if (found.disabledAt !== null) throw new Error(`${found.email} is disabled.`)
  return found
}

async function findPerson(db: Database, email: string): Promise<users.User> {
  const found = await users.findByEmail(db, email)
  if (found === null) throw new Error(`There is nobody with the address ${email}.`)
  return found
}

async function list(db: Database, { user, service, json }: Typed): Promise<void> {
  const of = user ?? (service === undefined ? undefined : users.serviceEmail(service))
  const keys =
    of === undefined ? await apiKeys.list(db) : await apiKeys.listOf(db, (await findPerson(db, of)).id)
  const emails = new Map((await users.list(db)).map(({ id, email }) => [id, email]))
  const rows = keys.map((key) => [
    key.id,
    `${key.hint}…`,
    key.name,
    emails.get(key.userId) ?? key.userId,
    [...key.scopes].join(' '),
    stateOf(key),
    `last used: ${moment(key.lastUsedAt)}`,
  ])
  printList(
    keys.map((key) => ({ ...shown(key), user: emails.get(key.userId) })),
    json,
    rows,
    'There are no keys.',
  )
}

function stateOf({ revokedAt, expiresAt }: apiKeys.ApiKey): string {
  if (revokedAt) return 'revoked'
  return expiresAt && expiresAt.getTime() <= Date.now() ? 'expired' : `expires: ${moment(expiresAt)}`
}

async function revoke(db: Database, id: string, json: boolean | undefined): Promise<void> {
  const revoked = await apiKeys.revoke(db, id)
  if (revoked === null) throw new Error(`There is no key ${id} that is good.`)
  await record(db, 'api_key.revoked', { userId: revoked.userId, keyId: id })
  print({ revoked: id }, json, [`Revoked ${id} ("${revoked.name}").`])
}

function shown(key: apiKeys.ApiKey) {
  return { ...key, scopes: [...key.scopes] }
}
