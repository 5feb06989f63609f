// Owns `gatehouse migrate`: brings the database to this version's schema without serving anybody.

import { parseArgs } from 'node:util'
import { withDatabase } from './database.ts'
import { print } from './output.ts'
import type { Command } from './types.ts'

export const migrateCommand: Command = {
  summary: 'Bring the database to the newest schema',
  usage: `Usage: gatehouse migrate [--json]

Applies the migrations that are missing. \`serve\` does it too; run this first when several replicas are rolled out.`,
  async run(args) {
    const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean' } }, strict: true })
    const applied = await withDatabase(async (opened) => opened.applied)
    const line = applied.length === 0 ? 'The database is up to date.' : `Applied: ${applied.join(', ')}`
    print({ applied }, values.json, [line])
  },
}
