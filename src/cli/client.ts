// Owns `gatehouse client`: the clients of this installation, and the tokens that let more of them register.

import { parseArgs } from 'node:util'
import { describe } from '../authorization-server/operator-clients.ts'
import * as clients from '../storage/clients.ts'
import type { Database } from '../storage/database.ts'
import { createClient } from './client-create.ts'
import { clientToken } from './client-token.ts'
import { withDatabase } from './database.ts'
import { moment, print, printList } from './output.ts'
import { record } from './record.ts'
import type { Command } from './types.ts'

const ACTIONS: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  create: createClient,
  list: (args) => withOne(args, 0, list),
  show: (args) => withOne(args, 1, show),
  delete: (args) => withOne(args, 1, remove),
  token: clientToken,
}

export const clientCommand: Command = {
  summary: 'Add, list and remove clients',
  usage: `Usage: gatehouse client create --name NAME [--id ID] [--redirect URI]... [--grant GRANT]... [--scope SCOPE]...
                               [--auth none|client_secret_basic|client_secret_post|private_key_jwt] [--jwks FILE]
                               [--resource-server [--resource URL]...] [--skip-consent] [--json]
       gatehouse client list [--json]
       gatehouse client show ID [--json]
       gatehouse client delete ID [--json]
       gatehouse client token create --name NAME [--uses N|unlimited] [--expires 7d|never] [--json]
       gatehouse client token list [--json]
       gatehouse client token revoke ID [--json]

create prints what to paste. Repeated with the same settings it changes nothing and prints the same client, found by its ID or
its name; with other settings it changes the client. A secret is shown once.

  --redirect         where people who sign in come back to; a client with one is public (PKCE) unless --auth says otherwise
  --grant            client_credentials, device_code, token_exchange, jwt_bearer: what it uses beside signing people in
  --scope            what it may have without a person, such as notes or notes:read
  --resource-server  it may introspect tokens: for the --resource it serves, or for all of ours
  --skip-consent     a first-party client: people are not asked whether they agree

A token opens registration when REGISTRATION is token. It is good for one client and 7 days unless it says otherwise.
With the embedded database, stop the service first.`,
  async run([action = '', ...args]) {
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined
    if (!act)
      throw new Error('Say `gatehouse client create`, `list`, `show`, `delete` or `token`; see --help.')
    await act(args)
  },
}

type Act = (db: Database, id: string, json: boolean | undefined) => Promise<void>

async function withOne(args: readonly string[], wanted: 0 | 1, act: Act): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { json: { type: 'boolean' } },
    allowPositionals: true,
  })
  if (positionals.length !== wanted)
    throw new Error(wanted === 0 ? 'It takes no arguments.' : 'Say the ID of one client.')
  await withDatabase(({ db }) => act(db, positionals[0] ?? '', values.json))
}

async function list(db: Database, _id: string, json: boolean | undefined): Promise<void> {
  const all = await clients.list(db)
  const rows = all.map(({ id, metadata, madeBy, lastUsedAt }) => [
    id,
    String(metadata.client_name ?? ''),
    madeBy === 'operator' ? 'added' : 'registered',
    `last used: ${moment(lastUsedAt)}`,
  ])
  printList(all.map(shown), json, rows, 'No client has registered, and none was added.')
}

async function show(db: Database, id: string, json: boolean | undefined): Promise<void> {
  const client = await clients.find(db, id)
  if (client === null) throw new Error(`There is no client ${id}.`)
  print(shown(client), json, [JSON.stringify(shown(client), null, 2)])
}

async function remove(db: Database, id: string, json: boolean | undefined): Promise<void> {
  if (!(await clients.remove(db, id))) throw new Error(`There is no client ${id}.`)
  await record(db, 'client.deleted', { clientId: id })
  print({ deleted: id }, json, [`Deleted ${id}, with everything that was issued to it.`])
}

function shown({ id, metadata, madeBy, ownerId, createdAt, lastUsedAt, expiresAt }: clients.StoredClient) {
  const has_secret = metadata.client_secret !== undefined
  return {
    client_id: id,
    ...describe(metadata),
    has_secret,
    madeBy,
    ownerId,
    createdAt,
    lastUsedAt,
    expiresAt,
  }
}
