// Owns `gatehouse token`: what was issued to anybody.

import { parseArgs } from 'node:util'
import { revokeAll } from '../storage/revocations.ts'
import { withDatabase } from './database.ts'
import { print } from './output.ts'
import { record } from './record.ts'
import type { Command } from './types.ts'

export const tokenCommand: Command = {
  summary: 'Revoke everything that was issued',
  usage: `Usage: gatehouse token revoke-all [--json]

Ends every session, grant, token and API key, of everybody, within a second. People sign in again and connect their apps
again, scripts need new keys. Do this after a backup was restored: what had been revoked since the backup would be good again. With the embedded database,
stop the service first.`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { json: { type: 'boolean' } },
      allowPositionals: true,
      strict: true,
    })
    if (positionals[0] !== 'revoke-all' || positionals.length > 1)
      throw new Error('Say `gatehouse token revoke-all`.')
    await withDatabase(async ({ db }) => {
      await revokeAll(db)
      await record(db, 'everything.revoked', {})
    })
    print({ revoked: 'all' }, values.json, ['Everything that was issued is revoked.'])
  },
}
