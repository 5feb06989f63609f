// Owns `gatehouse client token`: the tokens that open registration (RFC 7591 §3).

import { parseArgs } from 'node:util'
import type { Database } from '../storage/database.ts'
import * as tokens from '../storage/initial-access-tokens.ts'
import { durationOf, required } from './arguments.ts'
import { withDatabase } from './database.ts'
import { moment, print, printList, warn } from './output.ts'
import { record } from './record.ts'

const OPTIONS = {
  name: { type: 'string' },
  uses: { type: 'string', default: '1' },
  expires: { type: 'string', default: '7d' },
  json: { type: 'boolean' },
} as const

export async function clientToken(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  const [action, id, ...more] = positionals
  if (action === 'create' && !id) return create(values)
  if (action === 'list' && !id) return withDatabase(({ db }) => list(db, values.json))
  if (action === 'revoke' && id && more.length === 0)
    return withDatabase(({ db }) => revoke(db, id, values.json))
  throw new Error('Say `gatehouse client token create`, `list`, or `revoke ID`.')
}

interface Typed {
  readonly name?: string
  readonly uses: string
  readonly expires: string
  readonly json?: boolean
}

async function create({ name, uses, expires, json }: Typed): Promise<void> {
  const wanted = {
    name: required(name, '--name'),
    uses: usesOf(uses),
    expiresInSeconds: durationOf(expires),
  }
  await withDatabase(async ({ db, config }) => {
    const { token, stored } = await tokens.create(db, wanted)
    await record(db, 'registration_token.created', { tokenId: stored.id, name: stored.name })
    if (config.registration !== 'token')
      warn(`Mind: REGISTRATION is ${config.registration}; tokens are asked for when it is token.`)
    print({ token, ...stored }, json, [
      `Created the token "${stored.name}" (${stored.id}).`,
      '',
      `  ${token}`,
      '  (shown once; keep it now)',
      '',
      `curl -s ${config.publicUrl}/register -H 'Authorization: Bearer ${token}' -H 'Content-Type: application/json' \\`,
      `  -d '{"client_name": "My app", "redirect_uris": ["https://app.example.com/callback"]}'`,
    ])
  })
}

function usesOf(text: string): number | null {
  if (text === 'unlimited') return null
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new Error('--uses is a number from 1 to 999999, or unlimited.')
}

async function list(db: Database, json: boolean | undefined): Promise<void> {
  const all = await tokens.list(db)
  const rows = all.map(({ id, name, usesLeft, expiresAt }) => [
    id,
    name,
    `uses left: ${usesLeft ?? 'unlimited'}`,
    `expires: ${moment(expiresAt)}`,
  ])
  printList(all, json, rows, 'There are no tokens.')
}

async function revoke(db: Database, id: string, json: boolean | undefined): Promise<void> {
  if (!(await tokens.revoke(db, id))) throw new Error(`There is no token ${id}.`)
  await record(db, 'registration_token.revoked', { tokenId: id })
  print({ revoked: id }, json, [`Revoked ${id}. Clients that registered with it stay.`])
}
